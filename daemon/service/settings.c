/* Settings are read by the description of the kinds, so that a new kind needs no code here. */
#include "daemon/service/settings.h"

#include "common/crypto/base64url.h"
#include "common/error.h"

#include <string.h>

enum { KINDS_NAMED = 4 };

static void
settings_read_list(struct record_list *list, const char *name, struct json_object *value)
{
	_cleanup_strlist_ struct strlist items = STRLIST_INIT;

	for (size_t i = 0; value && i < json_object_array_length(value); i++)
		strlist_add(&items, json_object_get_string(json_object_array_get_idx(value, i)));
	setting_put_list(list, name, &items);
}

static int
settings_read_secret(
	struct record_list *list, const struct api_field *setting, struct json_object *value, struct error *err)
{
	_cleanup_secret_ struct secret secret = SECRET_INIT;
	const char *text = value ? json_object_get_string(value) : NULL;

	if (text && !(setting->flags & API_BASE64))
		secret_set(&secret, text, strlen(text));
	else if (text && base64_decode_any(text, strlen(text), &secret, err) < 0)
		return error_set_field(err, setting->name, "is not a secret in base64");
	setting_put_secret(list, setting->name, secret.data, secret.len);
	return 0;
}

/* @value NULL: the setting is removed. */
static int
settings_read_one(
	const struct settings *ret, const struct api_field *setting, struct json_object *value, struct error *err)
{
	if (setting->type == API_SECRET)
		return settings_read_secret(ret->secrets, setting, value, err);
	if (setting->type == API_STRLIST)
		settings_read_list(ret->texts, setting->name, value);
	else if (setting->type == API_BOOL)
		setting_put_flag(ret->texts, setting->name, json_object_get_boolean(value));
	else
		setting_put(ret->texts, setting->name, value ? json_object_get_string(value) : NULL);
	return 0;
}

/* An empty list, or a flag that is off, is as good as none: that is how answers contain them. */
static bool
settings_is_given(struct json_object *value)
{
	if (json_object_is_type(value, json_type_array))
		return json_object_array_length(value) > 0;
	return value && !(json_object_is_type(value, json_type_boolean) && !json_object_get_boolean(value));
}

/* The kinds that have the setting are named, unless they are many. */
static int
settings_refuse(const struct api_kinds *kinds, const struct api_kind *kind, const char *name, struct error *err)
{
	_cleanup_strlist_ struct strlist others = STRLIST_INIT;
	_cleanup_free_ char *list = NULL;

	for (size_t i = 0; i < kinds->count; i++)
		if (api_kind_setting(kinds, &kinds->items[i], name))
			strlist_add(&others, kinds->items[i].name);
	list = strlist_join(&others, ", ");
	if (others.count > KINDS_NAMED)
		return error_set_field(err, name, "is not used by %s %s", kinds->property, kind->name);
	return error_set_field(err, name, "is not used by %s %s, only by %s", kinds->property, kind->name, list);
}

int
settings_read(const struct api_kinds *kinds, const char *former, const char *word, struct json_object *properties,
	const struct settings *ret, struct error *err)
{
	const struct api_kind *kind = api_kind_find(kinds, word);

	if (api_kind_find(kinds, former) != kind) {
		settings_keep(ret->texts, kind);
		settings_keep(ret->secrets, kind);
	}
	json_object_object_foreach(properties, name, value) {
		const struct api_field *setting = api_kind_setting(kinds, NULL, name);

		if (!setting)
			continue;
		if (settings_is_given(value) && !api_kind_setting(kinds, kind, name))
			return settings_refuse(kinds, kind, name, err);
		if (settings_read_one(ret, setting, value, err) < 0)
			return -1;
	}
	return 0;
}
