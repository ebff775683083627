/*
 * daemon/service/effect.h: the effect of changing a declaration. Pure: the rules are one table, with a row for each
 * property that can be declared; the resource carries it out (res_*.c).
 */
#ifndef DAEMON_SERVICE_EFFECT_H
#define DAEMON_SERVICE_EFFECT_H

#include "common/api/api.h"
#include "common/strlist.h"
#include "daemon/store/object.h"

/* In order of weight. */
enum effect_action {
	EFFECT_NOTHING,  /* the certificates in use stay as they are */
	EFFECT_REDEPLOY, /* the same certificate is deployed to its consumers again */
	EFFECT_REISSUE   /* the certificate in use no longer matches the declaration: a new one is ordered */
};

struct effect {
	enum effect_action action;
	bool moves_renewal;     /* the date of the renewal is computed again */
	bool registers;         /* the account is registered, or retried */
	struct strlist changed; /* properties that differ, with the API's names: "externalAccountBinding.keyId" */
	struct strlist reasons; /* one for each of them, for people */
};

#define _cleanup_effect_ _cleanup_(effect_clear)

void
effect_clear(struct effect *effect);

/*
 * effect_of() - the effect of the change from @old to @new
 * @id:  resource of both
 * @cls: its class; both are structs of it, with secrets, names canonical, references as ids
 * @ret: cleared by the caller (effect_clear())
 */
void
effect_of(
	enum api_resource_id id, const struct record_class *cls, const void *old, const void *new, struct effect *ret);

/* Does it have an account that the CA has not refused since? */
bool
effect_is_registered(const struct provider *provider);

/* "nothing", "redeploy" or "reissue". */
const char *
effect_action_name(enum effect_action action);

/* As api_effect_fields describes it. Owned by the caller. */
struct json_object *
effect_to_json(const struct effect *effect);

#endif
