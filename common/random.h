/* common/random.h: octets that nobody can guess, for ids and nonces. Keys come from OpenSSL (crypto/secret.h). */
#ifndef COMMON_RANDOM_H
#define COMMON_RANDOM_H

#include <stddef.h>

/* getrandom(2), which does not fail; OpenSSL's generators do when the secure heap is full. */
void
random_octets(void *ret, size_t len);

#endif
