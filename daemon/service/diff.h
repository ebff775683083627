/*
 * daemon/service/diff.h: old -> new, for the audit log, events and --dry-run. Pure: values in, values out. Secrets
 * have no value here: that one was given is all that is told.
 */
#ifndef DAEMON_SERVICE_DIFF_H
#define DAEMON_SERVICE_DIFF_H

#include "common/api/api.h"

/* Longer values (PEM) are told by their beginning and their length. */
enum { DIFF_VALUE_MAX = 512 };

/*
 * diff_properties() - what differs between two properties objects of one resource
 * @fields: the resource's; members that it does not have are left out
 * @old, @new: either may be NULL (created, deleted). Absent, null, false and [] are the same. A write-only member of
 *   @new counts as changed.
 * Return: owned by the caller: an array, in order of @fields, of {"field": "externalAccountBinding.keyId", "old", "new"};
 * a side without a value is left out. Of a secret: {"field", "changed": true}.
 */
struct json_object *
diff_properties(const struct api_field *fields, struct json_object *old, struct json_object *new);

#endif
