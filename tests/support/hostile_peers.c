#include "tests/support/hostile_peers.h"

void
peer_flood_hello_requests(struct tls_conn *conn)
{
	unsigned char record[5 + 16384] = { 22, 3, 3, 0x40, 0 };

	while (tls_conn_write_raw(conn, record, sizeof(record)))
		;
}

const struct costly_peer costly_peers[] = {
	{ { .rsa_bits = 2048, .ciphers = "DHE-RSA-AES128-GCM-SHA256" }, "handshake" },
	{ { .groups = "ffdhe8192" }, "handshake" },
	{ { .rsa_bits = 2048, .rsa_e = "10000000000000000000000000000001" }, "takes too long" },
	/* Controls: the same server without that. */
	{ { .rsa_bits = 2048, .ciphers = "ECDHE-RSA-AES128-GCM-SHA256" }, NULL },
	{ { .groups = "ffdhe8192:P-384" }, NULL },
	{ { .rsa_bits = 2048, .rsa_e = "10001" }, NULL },
};
const size_t n_costly_peers = ARRAY_SIZE(costly_peers);

static void
peer_turn(void *arg)
{
	struct peer_turns *turns = arg;

	turns->count++;
	loop_timer_set(&turns->timer, 0);
}

void
peer_turns_begin(struct peer_turns *turns, struct loop *loop)
{
	turns->count = 0;
	loop_timer_init(&turns->timer, loop, peer_turn, turns);
	loop_timer_set(&turns->timer, 0);
}

void
peer_turns_end(struct peer_turns *turns)
{
	loop_timer_cancel(&turns->timer);
}
