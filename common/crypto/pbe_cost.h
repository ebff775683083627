/*
 * common/crypto/pbe_cost.h: a bound for the cost of opening a password-protected file, which decides how often its key
 * is derived.
 */
#ifndef COMMON_CRYPTO_PBE_COST_H
#define COMMON_CRYPTO_PBE_COST_H

#include <openssl/x509.h>
#include <stdint.h>

struct error;

/* Iterations for all parts of one file, about two seconds. Common tools use 2,048 to 600,000. */
enum { PBE_BUDGET = 5 * 1000 * 1000 };

/*
 * pbe_cost_take() - subtract what deriving a key by @algor (PBES1, PKCS#12, PBES2 with PBKDF2 or scrypt) costs
 * @budget: iterations left
 * Return: 0, or -1: over the budget, or unreadable parameters (ERROR_INVALID, a message without its subject).
 */
int
pbe_cost_take(const X509_ALGOR *algor, int64_t *budget, struct error *err);

/* The same for a number of iterations. */
int
pbe_cost_take_iterations(const ASN1_INTEGER *iterations, int64_t *budget, struct error *err);

#endif
