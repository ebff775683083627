/*
 * daemon/service/effect.h: what changing a declaration causes. Pure: the rules are one table, a row for each property
 * that can be declared; doing it is the resource's business (res_*.c).
 */
#ifndef DAEMON_SERVICE_EFFECT_H
#define DAEMON_SERVICE_EFFECT_H

#include "common/api/api.h"
#include "common/strlist.h"
#include "daemon/store/object.h"

/* In order of weight. */
enum effect_action {
	EFFECT_NOTHING,  /* what is in use stays as it is */
	EFFECT_REDEPLOY, /* the same certificate goes to its consumers again */
	EFFECT_REISSUE   /* the certificate in use is not the declared one any more: a new one is ordered */
};

struct effect {
	enum effect_action action;
	bool moves_renewal;     /* the date of the renewal is computed anew */
	bool registers;         /* the account is registered, or tried again */
	struct strlist changed; /* properties that differ, in the API's words: "externalAccountBinding.keyId" */
	struct strlist reasons; /* one for each of them, for people */
};

#define _cleanup_effect_ _cleanup_(effect_clear)

void
effect_clear(struct effect *effect);

/*
 * effect_of() - what the step from @old to @new causes
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
