/* The methods rollback of both kinds of certificates: an earlier one is deployed by hand, or the newest again. */
#include "daemon/service/rollback.h"

#include "daemon/rollout/rollout_back.h"
#include "daemon/rollout/subject.h"
#include "daemon/service/handlers.h"
#include "daemon/service/resource.h"

#include <string.h>

struct rollback_call {
	struct subject subject;
	struct rollout_state state;
	struct certificate cert; /* that is to be deployed */
	char *consumer;          /* id; NULL: all */
};

static void
rollback_call_clear(struct rollback_call *b)
{
	subject_clear(&b->subject);
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
	for (size_t i = 0; i < b->subject.consumers.count; i++) {
		_cleanup_consumer_ struct consumer other = { 0 };

		if (strcmp(b->subject.consumers.items[i], c->o.id) == 0)
			continue;
		if (object_peek(call->service->store, &consumer_class, b->subject.consumers.items[i], &other, err) < 0)
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
	if (!strlist_has(&b->subject.consumers, b->consumer))
		return error_set_field(
			err, "consumer", "'%s' does not have the consumer '%s'", b->subject.name, c.o.name);
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
		found = rollout_find_earlier(
			store, b->subject.id, deployed_certificate(b), call_now(call), &b->cert, err);
		return found == 0
			       ? error_set(err, ERROR_STATE,
					 "'%s' has no earlier certificate that is valid, not revoked and has all its "
					 "names",
					 b->subject.name)
			       : found;
	}
	if (resource_ref(call, &certificate_class, "certificate", json_object_get_string(ref), &id, err) < 0 ||
		object_peek(store, &certificate_class, id, &b->cert, err) < 0)
		return -1;
	if (rollout_check_earlier(store, &b->cert, b->subject.id, call_now(call), err) < 0)
		return -1;
	if (strcmp(id, deployed_certificate(b)) == 0)
		return error_set_field(err, "certificate", "'%s' is deployed already", b->cert.o.name);
	return 0;
}

static int
rollback_load(struct call *call, struct json_object *params, const char *subject_id, struct rollback_call *b,
	struct error *err)
{
	if (subject_load(call->service->store, subject_id, &b->subject, err) < 0)
		return -1;
	if (!b->subject.certificate || rollout_load(call->service->rollout, subject_id, &b->state, err) != 1)
		return error_is_set(err) ? -1
					 : error_set(err, ERROR_STATE, "'%s' has no certificate yet", b->subject.name);
	if (rollback_consumer(call, params, b, err) < 0)
		return -1;
	return rollback_certificate(call, params, b, err);
}

static int
rollback_subject(struct call *call, struct json_object *params, const char *subject_id, struct error *err)
{
	struct service *s = call->service;
	struct rollback_call b = { .consumer = NULL };
	int rc = rollback_load(call, params, subject_id, &b, err);

	if (rc >= 0 && strcmp(b.cert.o.id, b.state.certificate) == 0) {
		rollout_request_newest(s->rollout, call_txn(call), subject_id, &b.subject.consumers,
			b.state.certificate, call_now(call));
		rc = 0;
	} else if (rc >= 0) {
		rc = rollout_roll_back(s->rollout, call_txn(call),
			&(struct rollback){ .subject = subject_id,
				.consumer = b.consumer,
				.certificate = b.cert.o.id,
				.by = call->peer->label },
			call_now(call), err);
	}
	rollback_call_clear(&b);
	return rc;
}

int
autocert_rollback(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 };

	if (resource_find(call, &autocert_class, params, &a, err) < 0 ||
		rollback_subject(call, params, a.o.id, err) < 0)
		return -1;
	resource_modified(call, &a.o);
	return resource_save(call, EVENT_OBJECT_UPDATED, &a, err);
}

int
certificate_rollback(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_certificate_ struct certificate c = { 0 };

	if (resource_find(call, &certificate_class, params, &c, err) < 0)
		return -1;
	if (!c.slug)
		return error_set(err, ERROR_STATE, "'%s' %s", c.o.name,
			c.autocert       ? "was issued for an auto-certificate: roll that back"
			: c.is_held_back ? "is not deployed"
					 : "was replaced: roll back the certificate that is deployed");
	if (rollback_subject(call, params, c.o.id, err) < 0)
		return -1;
	resource_modified(call, &c.o);
	return resource_save(call, EVENT_OBJECT_UPDATED, &c, err);
}

void
rollback_describe(struct service *service, const char *subject_id, struct json_object *metadata)
{
	_cleanup_rollout_state_ struct rollout_state r = { 0 };
	const char *earlier;

	if (rollout_load(service->rollout, subject_id, &r, NULL) == 1 && r.rolled_back_at) {
		earlier = r.earlier;
		for (size_t i = 0; !earlier && i < r.targets.count; i++)
			earlier = ((const struct rollout_target *)r.targets.items)[i].earlier;
		json_add_time(metadata, "rolledBackDate", r.rolled_back_at);
		json_add_string(metadata, "rolledBackTo", earlier);
	}
	json_add_string(metadata, "served", rollout_served_of(&r));
}
