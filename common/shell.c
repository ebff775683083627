/* Quoting for POSIX shells. */
#include "common/shell.h"

#include "common/alloc.h"
#include "common/buf.h"

#include <string.h>

char *
shell_word(const char *text)
{
	static const char harmless[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@%+,/-";
	struct buf word = BUF_INIT;

	if (*text && *text != '-' && text[strspn(text, harmless)] == '\0')
		return xstrdup(text);
	buf_add_char(&word, '\'');
	for (; *text; text++)
		if (*text == '\'')
			buf_add_str(&word, "'\\''");
		else
			buf_add_char(&word, *text);
	buf_add_char(&word, '\'');
	return buf_steal(&word);
}

char *
shell_certctl(const char *before, const char *name, const char *after)
{
	_cleanup_free_ char *word = shell_word(name);

	return xasprintf("certctl %s %s%s%s", before, word, after ? " " : "", after ? after : "");
}
