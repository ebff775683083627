/*
 * daemon/store/setting.h: named values of an object whose kind defines them. A record contains them as a list of
 * settings and a list of sealed secrets.
 */
#ifndef DAEMON_STORE_SETTING_H
#define DAEMON_STORE_SETTING_H

#include "common/api/kinds.h"
#include "common/crypto/secret.h"
#include "common/strlist.h"
#include "daemon/store/record.h"

struct setting {
	char *name;
	char *value;          /* of a text; of a flag "true"; else NULL */
	struct strlist list;  /* of a list */
	struct secret secret; /* empty in a list of settings, and in an object that was loaded without its secrets */
};

extern const struct record_class setting_class;

/* NULL: @list (of struct setting) has none with that name. Borrowed until the list is changed. */
struct setting *
setting_find(const struct record_list *list, const char *name);

/* Its text; NULL if it is absent. */
const char *
setting_text(const struct record_list *list, const char *name);

/* Empty if it is absent, or was loaded without its secrets. */
const struct secret *
setting_secret(const struct record_list *list, const char *name);

/* @value: copied; NULL removes the setting. */
void
setting_put(struct record_list *list, const char *name, const char *value);

/* Its values; none if it is absent. Borrowed until the list is changed. */
const struct strlist *
setting_list(const struct record_list *list, const char *name);

bool
setting_is_set(const struct record_list *list, const char *name);

/* The same for a list, of which an empty one removes the setting, a flag, and a secret. */
void
setting_put_list(struct record_list *list, const char *name, const struct strlist *value);

void
setting_put_flag(struct record_list *list, const char *name, bool value);

void
setting_put_secret(struct record_list *list, const char *name, const void *data, size_t len);

/* Removes the settings that @kind does not have. */
void
settings_keep(struct record_list *list, const struct api_kind *kind);

/*
 * settings_check() - does an object have the settings that its kind requires, with values that it takes?
 * @word: of the kind; @secrets: NULL: the kinds have none
 * Return: 0, or -1 with the setting (ERROR_INVALID).
 */
int
settings_check(const struct api_kinds *kinds, const char *word, const struct record_list *settings,
	const struct record_list *secrets, struct error *err);

#endif
