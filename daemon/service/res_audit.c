/* The audit log: pages of records, and the verification. */
#include "daemon/service/handlers.h"
#include "daemon/service/resource.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_LIMIT = 100, LIST_LIMIT_MAX = 1000 };

int
audit_log_list(struct call *call, struct json_object *params, struct error *err)
{
	int64_t after = -1, limit = LIST_LIMIT;
	struct json_object *items;

	json_get_int(params, "after", 0, INT64_MAX, &after, NULL);
	json_get_int(params, "limit", 1, LIST_LIMIT_MAX, &limit, NULL);
	items = audit_list(call->service->audit, after, (size_t)limit, err);
	if (!items)
		return -1;
	call->result = json_object_new_object();
	json_object_object_add(call->result, "items", items);
	return 0;
}

/* --- verify --- */

/* The hash that the caller has from the journal. */
struct known {
	struct call *call;
	int64_t number; /* 0: nothing */
	char hash[AUDIT_HASH_TEXT_SIZE];
};

/*
 * A log that was completely restored to an earlier state verifies: only a hash that was stored elsewhere reveals that.
 */
static void
res_audit_compare(const struct known *known, struct audit_check *check)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	unsigned char hash[AUDIT_HASH_LEN];
	char hash_text[AUDIT_HASH_TEXT_SIZE];
	uint64_t number = (uint64_t)known->number;

	if (check->why[0] || !number || number < check->head.first)
		return;
	if (audit_chain_get(known->call->service->store, number, &text, hash, NULL) != 1) {
		check->bad = number;
		snprintf(check->why, sizeof(check->why), "it is missing, although its hash is known");
		return;
	}
	audit_hash_text(hash, hash_text);
	if (strcmp(hash_text, known->hash) != 0) {
		check->bad = number;
		snprintf(check->why, sizeof(check->why), "its hash differs from the given one");
	}
}

static struct json_object *
result_of(const struct audit_check *check)
{
	struct json_object *result = json_object_new_object();
	char hash[AUDIT_HASH_TEXT_SIZE];

	audit_hash_text(check->head.hash, hash);
	json_add_bool(result, "intact", !check->why[0]);
	json_add_int(result, "first", (int64_t)check->head.first);
	json_add_int(result, "last", (int64_t)check->head.last);
	json_add_string(result, "hash", check->head.last ? hash : NULL);
	if (check->why[0]) {
		json_add_int(result, "bad", (int64_t)check->bad);
		json_add_string(result, "reason", check->why);
	}
	return result;
}

static void
verified(const struct audit_check *check, const struct error *err, void *arg)
{
	struct known *known = arg;
	struct audit_check end = *check;

	if (!err)
		res_audit_compare(known, &end);
	call_finish(known->call, err ? NULL : result_of(&end), err);
	free(known);
}

/* "1234:0f3a...": number and hash of a record, as in the journal. */
static int
read_known(struct known *known, const char *text, struct error *err)
{
	char *end = NULL;

	known->number = strtoll(text, &end, 10);
	if (known->number <= 0 || *end != ':' || strlen(end + 1) != AUDIT_HASH_TEXT_SIZE - 1 ||
		end[1 + strspn(end + 1, "0123456789abcdef")] != '\0')
		return error_set_field(err, "known", "'%s' is not NUMBER:HASH as logged by certd", text);
	memcpy(known->hash, end + 1, AUDIT_HASH_TEXT_SIZE);
	return 0;
}

int
audit_log_verify(struct call *call, struct json_object *params, struct error *err)
{
	struct known *known = xcalloc(1, sizeof(*known));
	struct json_object *text = json_path(params, "known");

	known->call = call;
	if (text && read_known(known, json_object_get_string(text), err) < 0) {
		free(known);
		return -1;
	}
	audit_verify(call->service->audit, verified, known);
	return 1;
}
