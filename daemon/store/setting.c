/* Lists of named values, as short as the settings of an object, so lookups are linear. */
#include "daemon/store/setting.h"

#include "common/buf.h"
#include "common/error.h"

#include <string.h>

static const struct record_field setting_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct setting, name, NULL),
	RECORD_FIELD(RECORD_STRING, 2, struct setting, value, NULL),
	RECORD_FIELD(RECORD_SECRET, 3, struct setting, secret, NULL),
	RECORD_FIELD(RECORD_STRLIST, 4, struct setting, list, NULL),
};
const struct record_class setting_class = {
	.name = "setting",
	.db = STORE_META,
	.size = sizeof(struct setting),
	.fields = setting_fields,
	.n_fields = ARRAY_SIZE(setting_fields),
};

struct setting *
setting_find(const struct record_list *list, const char *name)
{
	struct setting *items = list->items;

	for (size_t i = 0; i < list->count; i++)
		if (items[i].name && strcmp(items[i].name, name) == 0)
			return &items[i];
	return NULL;
}

const char *
setting_text(const struct record_list *list, const char *name)
{
	const struct setting *setting = setting_find(list, name);

	return setting ? setting->value : NULL;
}

const struct strlist *
setting_list(const struct record_list *list, const char *name)
{
	static const struct strlist none = STRLIST_INIT;
	const struct setting *setting = setting_find(list, name);

	return setting ? &setting->list : &none;
}

bool
setting_is_set(const struct record_list *list, const char *name)
{
	return setting_text(list, name);
}

const struct secret *
setting_secret(const struct record_list *list, const char *name)
{
	static const struct secret none = SECRET_INIT;
	const struct setting *setting = setting_find(list, name);

	return setting ? &setting->secret : &none;
}

static void
setting_remove(struct record_list *list, const char *name)
{
	struct setting *setting = setting_find(list, name);

	if (!setting)
		return;
	record_clear(&setting_class, setting);
	list->count--;
	memmove(setting, setting + 1,
		(list->count - (size_t)(setting - (struct setting *)list->items)) * sizeof(*setting));
}

static struct setting *
setting_add(struct record_list *list, const char *name)
{
	struct setting *setting = setting_find(list, name);

	if (!setting) {
		setting = record_list_add(&setting_class, list);
		setting->name = xstrdup(name);
	}
	return setting;
}

void
setting_put(struct record_list *list, const char *name, const char *value)
{
	if (value)
		str_replace(&setting_add(list, name)->value, value);
	else
		setting_remove(list, name);
}

void
setting_put_list(struct record_list *list, const char *name, const struct strlist *value)
{
	setting_remove(list, name);
	if (value->count)
		strlist_copy(&setting_add(list, name)->list, value);
}

void
setting_put_flag(struct record_list *list, const char *name, bool value)
{
	setting_put(list, name, value ? "true" : NULL);
}

void
setting_put_secret(struct record_list *list, const char *name, const void *data, size_t len)
{
	if (len)
		secret_set(&setting_add(list, name)->secret, data, len);
	else
		setting_remove(list, name);
}

void
settings_keep(struct record_list *list, const struct api_kind *kind)
{
	for (size_t i = list->count; i-- > 0;) {
		const struct setting *setting = (const struct setting *)list->items + i;

		if (!api_field_find(kind->settings, setting->name))
			setting_remove(list, setting->name);
	}
}

static int
setting_check_value(const struct api_field *setting, const char *value, struct error *err)
{
	_cleanup_buf_ struct buf all = BUF_INIT;

	if (setting->type == API_PATH && *value != '/')
		return error_set_field(err, setting->name, "'%s' is not an absolute path", value);
	for (size_t i = 0; setting->type == API_ENUM && setting->values[i]; i++) {
		if (strcmp(setting->values[i], value) == 0)
			return 0;
		buf_printf(&all, "%s%s", i ? ", " : "", setting->values[i]);
	}
	if (setting->type == API_ENUM)
		return error_set_field(err, setting->name, "'%s' is not one of %s", value, buf_str(&all));
	return 0;
}

int
settings_check(const struct api_kinds *kinds, const char *word, const struct record_list *settings,
	const struct record_list *secrets, struct error *err)
{
	const struct api_kind *kind = api_kind_find(kinds, word);

	for (const struct api_field *f = kind->settings; f && f->name; f++) {
		const char *value = setting_text(settings, f->name);
		bool is_there = setting_find(settings, f->name) || (secrets && setting_find(secrets, f->name));

		if (!is_there && (f->flags & API_REQUIRED))
			return error_set_field(err, f->name, "is missing: %s %s requires the %s", kinds->property,
				kind->name, f->help);
		if (value && setting_check_value(f, value, err) < 0)
			return -1;
	}
	return 0;
}
