/*
 * daemon/service/access.h: which objects a peer may see and touch. A peer without a scope may do everything that its
 * role permits; a peer with a scope sees nothing outside it, and no answer depends on what is there.
 *
 * Covered are, by one of the scope's rules: auto-certificates, certificates and authorizations by names, provider and
 * labels; providers that a rule names; and providers, DNS providers and consumers that a covered object uses. Tokens,
 * alerts, and methods that act on certd as a whole (those without API_SCOPED), are not available to it.
 *
 * A declaration may also use objects that are not covered, by their exact name or id, as far as the rules do not
 * forbid it (access_may_use()): the first auto-certificate of a team needs a provider and a consumer. What it uses is
 * covered from then on.
 */
#ifndef DAEMON_SERVICE_ACCESS_H
#define DAEMON_SERVICE_ACCESS_H

#include "common/api/api.h"
#include "daemon/service/peer.h"
#include "daemon/store/object.h"

/* @scope NULL: yes. @obj of @cls. */
typedef bool
access_fn(const struct scope *scope, struct store *store, const struct record_class *cls, const void *obj);

/* May the peer see it? */
access_fn access_covers;

/*
 * May a declaration of the peer refer to it? Yes for what it may see, any consumer and DNS provider, and any provider
 * unless the rules name some.
 */
access_fn access_may_use;

/* @may of the object with that id; false if it is not there. */
bool
access_by_id(
	access_fn *may, const struct scope *scope, struct store *store, const struct record_class *cls, const char *id);

/* The object with that id; a missing one is not covered. */
bool
access_covers_id(const struct scope *scope, struct store *store, const struct record_class *cls, const char *id);

/* The same for objects that are rolled out: an auto-certificate, or an imported certificate. */
bool
access_covers_subject(const struct scope *scope, struct store *store, const char *id);

/* An event, as described in events.h: by its object. */
bool
access_sees_event(const struct scope *scope, struct store *store, struct json_object *event);

/*
 * access_check() - may @peer declare @obj, as it would be stored? Always true for peers without a scope.
 * ERROR_DENIED with the property that is outside the scope. Return: 0 or -1.
 */
int
access_check(struct store *store, const struct peer *peer, const struct record_class *cls, const void *obj,
	struct error *err);

/*
 * Removes what is outside the scope from the answer about an object of @cls: references, rollouts with what they say of
 * the consumer, and zones.
 */
void
access_strip(
	const struct scope *scope, struct store *store, const struct record_class *cls, struct json_object *object);

#endif
