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
#include "common/scope.h"
#include "daemon/store/object.h"

struct peer;

/* Shared by those who have it; never changed after it was made. */
struct scope {
	unsigned holders;
	struct scope_rule *rules; /* owned; one of them has to cover an object */
	size_t n_rules;
};

/* With one holder, the caller. */
struct scope *
scope_new(void);

/* While it is made. @rule: copied. */
void
scope_add(struct scope *scope, const struct scope_rule *rule);

/* NULL is NULL. */
struct scope *
scope_hold(struct scope *scope);

/* NULL is a no-op. */
void
scope_release(struct scope *scope);

/* @scope NULL: yes. @obj of @cls. */
bool
access_covers(
	const struct scope *scope, struct store *store, const struct record_class *cls, const void *obj);

/* The object with that id; one that is not there is not covered. */
bool
access_covers_id(
	const struct scope *scope, struct store *store, const struct record_class *cls, const char *id);

/* The same of what is rolled out: an auto-certificate, or an imported certificate. */
bool
access_covers_subject(const struct scope *scope, struct store *store, const char *id);

/* An event, as events.h describes it: by the object that it is about. */
bool
access_sees_event(const struct scope *scope, struct store *store, struct json_object *event);

/*
 * access_check() - may a peer with a scope make this call? For peers without one it is always so.
 * @params: validated
 * The object that the call is about is looked at when it is found (resource_find()); here are the method, the references
 * in the parameters, and what a declaration would become.
 * ERROR_DENIED: the method is not for it, or the declaration lies outside (the property is the field);
 * ERROR_INVALID: a reference to something that does not exist for it. Return: 0 or -1.
 */
int
access_check(struct store *store, const struct peer *peer, enum api_method_id method,
	struct json_object *params, struct error *err);

/* What is in the answer about an object of @cls and lies outside is taken out of it. */
void
access_strip(const struct scope *scope, struct store *store, const struct record_class *cls,
	struct json_object *object);

#endif
