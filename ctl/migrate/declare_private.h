/* ctl/migrate/declare_private.h: shared by the parts of declare.c. */
#ifndef CTL_MIGRATE_DECLARE_PRIVATE_H
#define CTL_MIGRATE_DECLARE_PRIVATE_H

#include "common/api/api.h"
#include "common/crypto/cert_import.h"
#include "ctl/migrate/declare.h"

struct declaring {
	const struct client_kind *kind;
	struct found *found;
	const struct declare_options *options;
	struct json_object *objects;
	struct json_object *present;
	int64_t now;
	struct declared *ret;
	struct json_object *accounts; /* id -> name of the provider */
};

/* The member @name of the collection @key; borrowed; NULL: absent. */
struct json_object *
declare_at(struct json_object *all, const char *key, const char *name);

/* @properties: taken */
void
declare_add(struct declaring *d, const char *key, const char *name, struct json_object *properties);

/* "" if it is absent. Borrowed. */
const char *
declare_text(struct json_object *obj, const char *path);

/*
 * The name of an object with @properties, of certd or of this run: @name, or @name and a number; or a free one
 * (@ret_is_new). Owned by the caller.
 */
char *
declare_name(const struct declaring *d, enum api_resource_id id, const char *name, struct json_object *properties,
	bool *ret_is_new);

/* @line: taken; each is said once. */
void
declare_advise(struct declared *d, char *line);

/* --- declare_consumers.c --- */

/* The consumers for the files and the hooks of @c: a list of names; owned by the caller; empty: none. */
struct json_object *
declare_consumers(struct declaring *d, const struct found_certificate *c, const struct cert_import *pair);

#endif
