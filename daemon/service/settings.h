/* daemon/service/settings.h: settings of an object's kind (common/api/kinds.h), from the properties of a call. */
#ifndef DAEMON_SERVICE_SETTINGS_H
#define DAEMON_SERVICE_SETTINGS_H

#include "common/api/kinds.h"
#include "daemon/store/setting.h"

/* Borrowed from an object. */
struct settings {
	struct record_list *texts; /* and lists and flags */
	struct record_list *secrets;
};

/*
 * settings_read() - put the settings among @properties into @ret
 * Settings of another kind are refused, and those that the object had before its kind changed are removed.
 * @word: of the kind; @former: before the call; NULL: it is new, or of the default kind
 * Return: 0, or -1 with the property, without "properties.".
 */
int
settings_read(const struct api_kinds *kinds, const char *former, const char *word, struct json_object *properties,
	const struct settings *ret, struct error *err);

#endif
