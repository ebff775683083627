/*
 * tests/support/hostile_peers.h: TLS servers that keep a client busy, for every client of certd: without end, or with
 * costly arithmetic. What is asked of all clients is here; how a client is called is its test's.
 */
#ifndef TESTS_SUPPORT_HOSTILE_PEERS_H
#define TESTS_SUPPORT_HOSTILE_PEERS_H

#include "daemon/base/loop.h"
#include "tests/support/tls_server.h"

/* What a client may take of a peer that has nothing to say: 256 KiB, 4 KiB in each turn of the loop. */
enum { PEER_NOISE_TURNS = 64 };
#define PEER_NOISE_TEXT "data that is no part of an answer"

/* A raw() of struct tls_server_config: a TLS handshake that never gets further. */
void
peer_flood_hello_requests(struct tls_conn *conn);

/* A peer whose handshake is costly, beside one that differs only in that. Without serve(). */
struct costly_peer {
	struct tls_server_config config;
	const char *text; /* in the client's error; NULL: it is accepted */
};
extern const struct costly_peer costly_peers[];
extern const size_t n_costly_peers;

/* How often the loop came round. */
struct peer_turns {
	struct loop_timer timer;
	long count;
};

void
peer_turns_begin(struct peer_turns *turns, struct loop *loop);

void
peer_turns_end(struct peer_turns *turns);

#endif
