/* Lists of named values, as short as the settings of an object, so lookups are linear. */
#include "daemon/store/setting.h"

#include <string.h>

static const struct record_field setting_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct setting, name, NULL),
	RECORD_FIELD(RECORD_STRING, 2, struct setting, value, NULL),
	RECORD_FIELD(RECORD_SECRET, 3, struct setting, secret, NULL),
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
setting_put_secret(struct record_list *list, const char *name, const void *data, size_t len)
{
	if (len)
		secret_set(&setting_add(list, name)->secret, data, len);
	else
		setting_remove(list, name);
}
