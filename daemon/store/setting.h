/*
 * daemon/store/setting.h: named values of an object whose kind defines them. A record contains them as a list of
 * settings and a list of sealed secrets.
 */
#ifndef DAEMON_STORE_SETTING_H
#define DAEMON_STORE_SETTING_H

#include "common/crypto/secret.h"
#include "daemon/store/record.h"

struct setting {
	char *name;
	char *value;          /* NULL in a list of secrets */
	struct secret secret; /* empty in a list of settings, and in an object that was loaded without its secrets */
};

extern const struct record_class setting_class;

/* NULL: @list (of struct setting) has none with that name. Borrowed until the list is changed. */
struct setting *
setting_find(const struct record_list *list, const char *name);

/* Its text; NULL if it is absent. */
const char *
setting_text(const struct record_list *list, const char *name);

/* @value: copied; NULL removes the setting. */
void
setting_put(struct record_list *list, const char *name, const char *value);

/* The same for a secret. */
void
setting_put_secret(struct record_list *list, const char *name, const void *data, size_t len);

#endif
