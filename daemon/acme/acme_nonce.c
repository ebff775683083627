/*
 * The nonce pool. Every answer contains a nonce, so none has to be fetched after the first request. An expired nonce
 * costs one badNonce, no more than fetching a new one: nonces are kept without a time limit.
 */
#include "daemon/acme/acme_nonce.h"

#include "daemon/acme/acme_msg.h"

#include <stdlib.h>
#include <string.h>

void
acme_nonces_clear(struct acme_nonces *nonces)
{
	strlist_clear(&nonces->unused);
}

void
acme_nonces_put(struct acme_nonces *nonces, const char *nonce)
{
	struct strlist *l = &nonces->unused;

	if (!nonce || !acme_nonce_is_valid(nonce))
		return;
	if (l->count == ACME_NONCES_MAX) {
		free(l->items[0]);
		memmove(l->items, l->items + 1, l->count * sizeof(*l->items)); /* including the final NULL */
		l->count--;
	}
	strlist_add(l, nonce);
}

char *
acme_nonces_take(struct acme_nonces *nonces)
{
	struct strlist *l = &nonces->unused;
	char *nonce;

	if (l->count == 0)
		return NULL;
	nonce = l->items[--l->count];
	l->items[l->count] = NULL;
	return nonce;
}
