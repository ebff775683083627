/*
 * A filter BIO over the library's own. OpenSSL's information callback installs it at the start of the handshake, before
 * anything is read, so it also covers connections made by libcurl. When the allowance is used up it returns "try
 * again":
 * the library returns, and the loop calls it again, because the descriptor is still readable.
 *
 * This bounds input without an end: HelloRequests during the handshake, session tickets after it, chunk extensions.
 */
#include "daemon/base/tls_guard.h"

#include "common/alloc.h"
#include "common/crypto/ossl.h"

#include <stdlib.h>

enum {
	ALLOWANCE = 4 * 1024,   /* for several connections in one turn; most answers are not larger */
	NOISE_MAX = 256 * 1024, /* the largest handshake that OpenSSL accepts is about 100 KiB */
	CHAIN_MAX = 10
};

static const char guard_ciphers[] = "DEFAULT:!kDHE:!aDSS:!PSK:!SRP";
static const char guard_groups[] = "X25519:P-256:P-384:P-521:X448";

/* Of one connection; the BIO's data. */
struct guarded {
	struct tls_guard *guard;
	unsigned long progress; /* of the guard, when it was last looked at */
	size_t noise;           /* octets since then */
};

/* --- the filter --- */

static void
guard_raise_noise(void)
{
	static ERR_STRING_DATA text[] = { { 1, TLS_GUARD_NOISE }, { 0, NULL } };
	static int library;

	if (!library) {
		library = ERR_get_next_error_library();
		ERR_load_strings(library, text);
	}
	ERR_raise(library, 1);
}

static int
guard_read(BIO *bio, char *data, int len)
{
	struct guarded *g = BIO_get_data(bio);
	int n;

	BIO_clear_retry_flags(bio);
	if (g->progress != g->guard->progress) {
		g->progress = g->guard->progress;
		g->noise = 0;
	}
	if (g->noise > NOISE_MAX) {
		guard_raise_noise();
		return -1;
	}
	if (g->guard->allowance == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	n = BIO_read(BIO_next(bio), data, len < (int)g->guard->allowance ? len : (int)g->guard->allowance);
	BIO_copy_next_retry(bio);
	if (n > 0) {
		g->guard->allowance -= (size_t)n;
		g->noise += (size_t)n;
	}
	return n;
}

static long
guard_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	return BIO_next(bio) ? BIO_ctrl(BIO_next(bio), cmd, num, ptr) : 0;
}

static int
guard_destroy(BIO *bio)
{
	free(BIO_get_data(bio));
	return 1;
}

/* Both are made once and live as long as the process; connections belong to the loop's thread. */
static int
guard_type(void)
{
	static int type;

	if (!type)
		type = BIO_get_new_index() | BIO_TYPE_FILTER;
	return type;
}

static const BIO_METHOD *
guard_method(void)
{
	static BIO_METHOD *method;

	if (method)
		return method;
	method = BIO_meth_new(guard_type(), "certd guard");
	if (!method)
		abort(); /* out of memory */
	BIO_meth_set_read(method, guard_read);
	BIO_meth_set_ctrl(method, guard_ctrl);
	BIO_meth_set_destroy(method, guard_destroy);
	return method;
}

static int
guard_index(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return index;
}

/* Also called when a message that comes after the handshake is handled: then the filter is there already. */
static void
guard_on_info(const SSL *ssl, int where, int value _unused_)
{
	BIO *lower = SSL_get_rbio(ssl);
	struct guarded *g;
	BIO *filter;

	if (!(where & SSL_CB_HANDSHAKE_START) || !lower || BIO_method_type(lower) == guard_type())
		return;
	filter = BIO_new(guard_method());
	if (!filter)
		abort(); /* out of memory */
	g = xcalloc(1, sizeof(*g));
	g->guard = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), guard_index());
	g->progress = g->guard->progress;
	BIO_set_data(filter, g);
	BIO_set_init(filter, 1);
	BIO_up_ref(lower); /* SSL_set0_rbio() gives up its own */
	BIO_push(filter, lower);
	/* For reading alone: writes go to the socket as before. const in the callback's type only. */
	SSL_set0_rbio((SSL *)ssl, filter);
}

/* --- what is expensive by itself --- */

static int
guard_verify(X509_STORE_CTX *ctx, void *arg)
{
	const struct tls_guard *guard = arg;
	STACK_OF(X509) *certs = X509_STORE_CTX_get0_untrusted(ctx);
	EVP_PKEY *key = X509_get0_pubkey(X509_STORE_CTX_get0_cert(ctx));
	bool is_costly = key && ossl_key_is_costly(key);

	for (int i = 0; guard->may_trust && i < sk_X509_num(certs) && !is_costly; i++) {
		key = X509_get0_pubkey(sk_X509_value(certs, i));
		is_costly = key && ossl_key_is_costly(key);
	}
	if (is_costly) {
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
		return 0;
	}
	return guard->may_trust ? X509_verify_cert(ctx) : 1;
}

int
tls_guard_apply(struct tls_guard *guard, SSL_CTX *ctx, bool may_trust)
{
	guard->may_trust = may_trust;
	SSL_CTX_set_info_callback(ctx, guard_on_info);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL); /* else what guard_verify() says is ignored */
	SSL_CTX_set_cert_verify_callback(ctx, guard_verify, guard);
	SSL_CTX_set_verify_depth(ctx, CHAIN_MAX);
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY); /* one session ticket a turn: a record holds 900, or 10 ms */
	if (SSL_CTX_set_ex_data(ctx, guard_index(), guard) != 1 || SSL_CTX_set_cipher_list(ctx, guard_ciphers) != 1 ||
		SSL_CTX_set1_groups_list(ctx, guard_groups) != 1)
		return -1;
	return 0;
}

void
tls_guard_renew(struct tls_guard *guard)
{
	guard->allowance = ALLOWANCE;
}

void
tls_guard_progress(struct tls_guard *guard)
{
	guard->progress++;
}
