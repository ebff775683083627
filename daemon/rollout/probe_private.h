/* daemon/rollout/probe_private.h: shared by probe.c, probe_conn.c, probe_judge.c and prober.c. */
#ifndef DAEMON_ROLLOUT_PROBE_PRIVATE_H
#define DAEMON_ROLLOUT_PROBE_PRIVATE_H

#include "common/crypto/x509.h"
#include "daemon/base/loop.h"
#include "daemon/base/tls_guard.h"
#include "daemon/rollout/probe.h"

#include <openssl/ssl.h>

/* --- prober.c: the bounds --- */

/* Work that waits for a place among all that runs. Embedded in its owner; zeroed: neither waits nor runs. */
struct prober_slot {
	loop_fn *start;
	void *arg;
	bool is_waiting, is_running;
	struct prober_slot *prev, *next;
};

struct prober {
	struct loop *loop;
	struct dns *dns;
	int64_t timeout_ms;
	SSL_CTX *ctx; /* of prober_tls(); NULL: not yet */
	struct tls_guard guard;
	struct x509_seen *seen; /* the same intermediates are expected again and again */
	struct prober_slot *waiting;
	unsigned running;
	struct loop_timer pump; /* starts what waits */
	struct loop_timer turn; /* armed while the steps of this turn are counted */
	unsigned steps;
};

/* Starts it from the loop when there is room. @is_next: before those that wait. */
void
prober_wait(struct prober *prober, struct prober_slot *slot, bool is_next, loop_fn *start, void *arg);

/* It has ended, or is not wanted any more. No-op for one that neither waits nor runs. */
void
prober_leave(struct prober *prober, struct prober_slot *slot);

/* The context of all connections, made when it is first needed. NULL: OpenSSL refused. */
SSL_CTX *
prober_tls(struct prober *prober);

/* May a step of TLS be taken in this turn? If not, the descriptor stays ready, and the next turn tries again. */
bool
prober_may_step(struct prober *prober);

/* --- probe_judge.c: pure --- */

/* What has to be presented. */
struct probe_expected {
	char *sha256;
	char *name;                                    /* of the certificate; or NULL */
	int64_t not_before_at, not_after_at;           /* UNIX seconds */
	const char *sigalgs;                           /* of its key, as OpenSSL lists them; or NULL. Static */
	unsigned char links[X509_CHAIN_MAX_CERTS][32]; /* digests of subject and key of the intermediates */
	char *link_names[X509_CHAIN_MAX_CERTS];        /* for messages */
	size_t link_count;
};

/* @seen: or NULL. An unreadable chain counts as empty. */
void
probe_expect(struct probe_expected *ret, const struct certificate *cert, struct x509_seen *seen);

void
probe_expected_clear(struct probe_expected *expected);

/*
 * The server name to request: the declared one, else the host if the certificate is for it, else the certificate's
 * first name that is not a wildcard, else one below the wildcard. NULL: none. Owned by the caller.
 */
char *
probe_sni(const struct probe *endpoint, const struct certificate *cert);

/*
 * @chain: as presented, the leaf among them. @now: UNIX seconds. Fills @ret but for its address; its error does not
 * name the endpoint.
 */
void
probe_judge(const struct probe_expected *expected, X509 *leaf, STACK_OF(X509) * chain, const char *sni, int64_t now,
	struct probe_answer *ret);

/* --- probe_conn.c: a connection to one address --- */

struct probe_conn;

/* Called once, from the loop. @is_routed: false: this machine cannot send anything there. @answer: taken. */
typedef void
probe_conn_done_fn(bool is_routed, struct probe_answer *answer, void *arg);

struct probe_conn_config {
	struct prober *prober; /* all borrowed until it is freed */
	const struct probe_expected *expected;
	const char *address;
	int port;
	const char *protocol;
	const char *sni;
	const char *host;       /* for the conversation before TLS */
	const struct buf *alpn; /* as RFC 7301 s3.1 has it */
	probe_conn_done_fn *done;
	void *arg;
};

/* Waits for its turn, then connects. */
struct probe_conn *
probe_conn_new(const struct probe_conn_config *config);

/* NULL is a no-op. */
void
probe_conn_free(struct probe_conn *conn);

void
probe_answer_clear(struct probe_answer *answer);

#endif
