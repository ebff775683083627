/*
 * daemon/base/signer.h: signatures by keys in PKCS#11 tokens. Each is made by a program of its own, which is certd
 * itself with --sign: the module of the token's vendor may hang or crash, and it shares no memory with certd's keys.
 */
#ifndef DAEMON_BASE_SIGNER_H
#define DAEMON_BASE_SIGNER_H

#include <stddef.h>

struct buf;
struct error;
struct key;
struct loop;
struct signer;
struct signing;

/*
 * signer_new() - with @program (absolute path; takes --sign) and @module (path of the PKCS#11 module, or NULL: that of
 * OpenSSL's engine); both are copied
 * @loop: borrowed, must outlive it
 */
struct signer *
signer_new(struct loop *loop, const char *program, const char *module);

/* Nothing is being signed any more. NULL is a no-op. */
void
signer_free(struct signer *signer);

/*
 * Called once, from the loop. @key: the public half, with its place (key_place()); @signature: as key_sign() makes it,
 * verified. Both borrowed; NULL on failure.
 * ERROR_STATE: why not, in the words of the token; ERROR_TIMEOUT: no answer within 10 s.
 */
typedef void
signer_done_fn(const struct key *key, const struct buf *signature, const struct error *err, void *arg);

/* Finds the key of @uri (key_uri.h) and makes it sign something, which shows that it can be used. */
struct signing *
signer_find(struct signer *signer, const char *uri, signer_done_fn *done, void *arg);

/* Signs with @key, which is in a token and must still be the one at its URI. @key, @data: used before it returns. */
struct signing *
signer_sign(
	struct signer *signer, const struct key *key, const void *data, size_t len, signer_done_fn *done, void *arg);

/* Ends the program; @done is not called. NULL is a no-op. */
void
signer_cancel(struct signing *signing);

/* The program: answers the request on standard input, on standard output, and ends. Does not return. */
__attribute__((noreturn)) void
signer_program(void);

#endif
