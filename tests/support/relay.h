/*
 * tests/support/relay.h: a TCP relay on 127.0.0.1 whose connections can be frozen, like in a broken network: no data
 * passes, and neither side gets an error. It can also play an HTTP proxy (CONNECT).
 */
#ifndef TESTS_SUPPORT_RELAY_H
#define TESTS_SUPPORT_RELAY_H

#include <stdbool.h>

struct relay;

/* Passes on to 127.0.0.1:@to_port. @is_proxy: the first line of each connection must be a CONNECT request. */
struct relay *
relay_new(int to_port, bool is_proxy);

void
relay_free(struct relay *relay);

int
relay_port(const struct relay *relay);

/* Connections accepted so far. */
int
relay_connections(const struct relay *relay);

/* Freezes the connections that are there now; later ones are not affected. */
void
relay_freeze(struct relay *relay);

#endif
