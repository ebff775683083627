/*
 * daemon/service/access.h: which objects a peer may see and touch. A peer without a scope may all that its role says; one
 * with a scope sees what the scope covers, and to it all else does not exist.
 *
 * Covered are, by one of the scope's rules: auto-certificates, certificates and authorizations by names, provider and
 * labels; providers that the rule names (all, if it names none). DNS providers and consumers can be read, so that they
 * can be referred to. Tokens, and whatever acts on certd as a whole (methods without API_SCOPED), are not for it.
 */
#ifndef DAEMON_SERVICE_ACCESS_H
#define DAEMON_SERVICE_ACCESS_H

#include "common/api/api.h"
#include "daemon/service/peer.h"
#include "daemon/store/object.h"

/* @scope NULL: yes. @obj of @cls. */
bool
access_covers(const struct scope *scope, struct store *store, const struct record_class *cls, const void *obj);

/* The object with that id; one that is not there is not covered. */
bool
access_covers_id(const struct scope *scope, struct store *store, const struct record_class *cls, const char *id);

/* The same of what is rolled out: an auto-certificate, or an imported certificate. */
bool
access_covers_subject(const struct scope *scope, struct store *store, const char *id);

/* An event, as events.h describes it: by the object that it is about. */
bool
access_sees_event(const struct scope *scope, struct store *store, struct json_object *event);

/*
 * access_check() - may @peer declare @obj, as it would be stored? For peers without a scope it is always so.
 * ERROR_DENIED with the property that lies outside. Return: 0 or -1.
 */
int
access_check(struct store *store, const struct peer *peer, const struct record_class *cls, const void *obj,
	struct error *err);

/* What is in the answer about an object of @cls and lies outside is taken out of it. */
void
access_strip(
	const struct scope *scope, struct store *store, const struct record_class *cls, struct json_object *object);

#endif
