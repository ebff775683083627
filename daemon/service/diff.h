/*
 * daemon/service/diff.h: old and new values, for the audit log, events and --dry-run. Pure. Secrets have no value here:
 * the result only says that one was given.
 */
#ifndef DAEMON_SERVICE_DIFF_H
#define DAEMON_SERVICE_DIFF_H

#include "common/api/api.h"

/* Longer values (PEM) are shown by their beginning and their length. */
enum { DIFF_VALUE_MAX = 512 };

/*
 * diff_properties() - the differences between two properties objects of one resource
 * @fields: the resource's; other members are ignored
 * @old, @new: either may be NULL (created, deleted). Absent, null, false and [] are equal. A write-only member of
 *   @new counts as changed.
 * Return: owned by the caller: an array, in order of @fields, of {"field": "externalAccountBinding.keyId", "old",
 * "new"};
 * a side without a value is omitted. For a secret: {"field", "changed": true}.
 */
struct json_object *
diff_properties(const struct api_field *fields, struct json_object *old, struct json_object *new);

#endif
