/* Line by line; what is not understood is left out, so that a value is never half of one. */
#include "ctl/migrate/settings.h"

#include "common/strlist.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static char *
settings_trim(char *s)
{
	size_t len;

	while (*s == ' ' || *s == '\t')
		s++;
	len = strlen(s);
	while (len && strchr(" \t\r", s[len - 1]))
		s[--len] = '\0';
	return s;
}

const char *
settings_get(struct json_object *settings, const char *key)
{
	struct json_object *value = NULL;

	if (!settings || !json_object_object_get_ex(settings, key, &value) ||
		!json_object_is_type(value, json_type_string) || !*json_object_get_string(value))
		return NULL;
	return json_object_get_string(value);
}

/* --- INI --- */

static void
settings_ini_line(char *line, struct json_object *all, struct json_object **section)
{
	char *equals = strchr(line, '=');
	size_t len = strlen(line);

	if (strncmp(line, "[[", 2) == 0 && len > 4 && strcmp(line + len - 2, "]]") == 0) {
		*section = json_object_new_object();
		line[len - 2] = '\0';
		json_object_object_add(all, settings_trim(line + 2), *section);
	} else if (*line == '[') {
		*section = all;
	} else if (*line && *line != '#' && *line != ';' && equals) {
		*equals = '\0';
		json_object_object_add(
			*section, settings_trim(line), json_object_new_string(settings_trim(equals + 1)));
	}
}

struct json_object *
settings_of_ini(const char *text)
{
	_cleanup_strlist_ struct strlist lines = STRLIST_INIT;
	struct json_object *all = json_object_new_object();
	struct json_object *section = all;

	strlist_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.count; i++)
		settings_ini_line(settings_trim(lines.items[i]), all, &section);
	return all;
}

/* --- shell --- */

static bool
settings_ends_here(const char *p)
{
	return !*p || *p == ';' || strchr(" \t\r#", *p);
}

/* The value in place; NULL: not a plain one. */
static char *
settings_shell_value(char *p)
{
	char quote = *p == '\'' || *p == '"' ? *p : '\0';
	char *value = quote ? p + 1 : p;
	char *end = value;

	if (quote)
		end = strchr(value, quote);
	else
		while (!settings_ends_here(end))
			end++;
	if (!end || (quote && !settings_ends_here(end + 1)))
		return NULL;
	*end = '\0';
	if (quote != '\'' && (strpbrk(value, "`\\'\"") || strstr(value, "$(")))
		return NULL;
	return value;
}

static void
settings_shell_line(char *line, struct json_object *all)
{
	char *p, *value;

	if (strncmp(line, "export ", strlen("export ")) == 0)
		line = settings_trim(line + strlen("export "));
	for (p = line; isalnum((unsigned char)*p) || *p == '_'; p++)
		;
	if (p == line || *p != '=')
		return;
	*p = '\0';
	value = settings_shell_value(p + 1);
	json_object_object_add(all, line, value ? json_object_new_string(value) : NULL);
}

struct json_object *
settings_of_shell(const char *text)
{
	_cleanup_strlist_ struct strlist lines = STRLIST_INIT;
	struct json_object *all = json_object_new_object();

	strlist_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.count; i++)
		settings_shell_line(settings_trim(lines.items[i]), all);
	return all;
}
