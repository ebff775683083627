/* autoCertificate.rollback: an earlier certificate is deployed by hand, or the newest again. */
#include "common/shell.h"
#include "daemon/rollout/rollout_back.h"
#include "daemon/rollout/subject.h"
#include "daemon/service/handlers.h"
#include "daemon/service/res_autocert.h"

#include <string.h>

struct rollback_call {
	struct autocert a;
	struct rollout_state state;
	struct certificate cert; /* that is to be deployed */
	char *consumer;          /* id; NULL: all */
};

static void
rollback_call_clear(struct rollback_call *b)
{
	autocert_clear(&b->a);
	record_clear(&rollout_class, &b->state);
	certificate_clear(&b->cert);
	free(b->consumer);
}

/* What the files to be replaced are now of. */
static const char *
deployed_certificate(const struct rollback_call *b)
{
	for (size_t i = 0; b->consumer && i < b->state.targets.count; i++) {
		const struct rollout_target *t = (const struct rollout_target *)b->state.targets.items + i;

		if (strcmp(t->consumer, b->consumer) == 0 && t->earlier)
			return t->earlier;
	}
	return b->state.earlier ? b->state.earlier : b->state.certificate;
}

/* Only consumers that do not share files can have different certificates. */
static int
check_shared(struct call *call, const struct rollback_call *b, const struct consumer *c, struct error *err)
{
	for (size_t i = 0; i < b->a.consumers.count; i++) {
		_cleanup_consumer_ struct consumer other = { 0 };

		if (strcmp(b->a.consumers.items[i], c->o.id) == 0)
			continue;
		if (object_peek(call->service->store, &consumer_class, b->a.consumers.items[i], &other, err) < 0)
			return -1;
		if (other.o.id[0] && rollout_share_files(c, &other))
			return error_set_field(err, "consumer",
				"'%s' reads the same files as '%s': roll back without --consumer, or give it its "
				"own directory",
				c->o.name, other.o.name);
	}
	return 0;
}

static int
rollback_consumer(struct call *call, struct json_object *params, struct rollback_call *b, struct error *err)
{
	struct json_object *ref = json_path(params, "consumer");
	_cleanup_consumer_ struct consumer c = { 0 };

	if (!ref)
		return 0;
	if (resource_ref(call, &consumer_class, "consumer", json_object_get_string(ref), &b->consumer, err) < 0 ||
		object_peek(call->service->store, &consumer_class, b->consumer, &c, err) < 0)
		return -1;
	if (!strlist_has(&b->a.consumers, b->consumer))
		return error_set_field(err, "consumer", "'%s' does not have the consumer '%s'", b->a.o.name, c.o.name);
	return check_shared(call, b, &c, err);
}

static int
rollback_certificate(struct call *call, struct json_object *params, struct rollback_call *b, struct error *err)
{
	struct json_object *ref = json_path(params, "certificate");
	struct store *store = call->service->store;
	_cleanup_free_ char *id = NULL;
	int found;

	if (!ref) {
		found = rollout_find_earlier(store, b->a.o.id, deployed_certificate(b), call_now(call), &b->cert, err);
		return found == 0
			       ? error_set(err, ERROR_STATE,
					 "'%s' has no earlier certificate that is valid, not revoked and has all its "
					 "names",
					 b->a.o.name)
			       : found;
	}
	if (resource_ref(call, &certificate_class, "certificate", json_object_get_string(ref), &id, err) < 0 ||
		object_peek(store, &certificate_class, id, &b->cert, err) < 0)
		return -1;
	if (rollout_check_earlier(&b->cert, b->a.o.id, call_now(call), err) < 0)
		return -1;
	if (strcmp(id, deployed_certificate(b)) == 0)
		return error_set_field(err, "certificate", "'%s' is deployed already", b->cert.o.name);
	return 0;
}

static int
rollback_load(struct call *call, struct json_object *params, struct rollback_call *b, struct error *err)
{
	if (resource_find(call, &autocert_class, params, &b->a, err) < 0)
		return -1;
	if (!b->a.last_certificate || rollout_load(call->service->rollout, b->a.o.id, &b->state, err) != 1)
		return error_is_set(err) ? -1 : error_set(err, ERROR_STATE, "'%s' has no certificate yet", b->a.o.name);
	if (rollback_consumer(call, params, b, err) < 0)
		return -1;
	return rollback_certificate(call, params, b, err);
}

int
autocert_rollback(struct call *call, struct json_object *params, struct error *err)
{
	struct service *s = call->service;
	struct rollback_call b = { .consumer = NULL };
	int rc = rollback_load(call, params, &b, err);

	if (rc >= 0 && strcmp(b.cert.o.id, b.state.certificate) == 0) {
		rollout_request_newest(
			s->rollout, call_txn(call), b.a.o.id, &b.a.consumers, b.state.certificate, call_now(call));
		rc = 0;
	} else if (rc >= 0) {
		rc = rollout_roll_back(s->rollout, call_txn(call),
			&(struct rollback){ .subject = b.a.o.id,
				.consumer = b.consumer,
				.certificate = b.cert.o.id,
				.by = call->peer->label },
			call_now(call), err);
	}
	if (rc == 0) {
		resource_modified(call, &b.a.o);
		rc = resource_save(call, EVENT_OBJECT_UPDATED, &b.a, err);
	}
	rollback_call_clear(&b);
	return rc;
}
