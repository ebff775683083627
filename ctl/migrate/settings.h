/* ctl/migrate/settings.h: configuration files of other clients as JSON objects. Pure; nothing is evaluated. */
#ifndef CTL_MIGRATE_SETTINGS_H
#define CTL_MIGRATE_SETTINGS_H

#include "common/json.h"

/*
 * settings_of_ini() - "key = value" (ConfigObj, as certbot writes it)
 * Sections are ignored; the keys below "[[name]]" are the members of an object "name". Owned by the caller.
 */
struct json_object *
settings_of_ini(const char *text);

/*
 * settings_of_shell() - KEY='value', KEY="value" and KEY=value lines of a shell script
 * Other lines are ignored, and so are values with a command substitution. The last assignment counts. Owned by the
 * caller.
 */
struct json_object *
settings_of_shell(const char *text);

/* The value; NULL: absent or empty. Borrowed. */
const char *
settings_get(struct json_object *settings, const char *key);

#endif
