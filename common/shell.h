/* common/shell.h: text as words of a shell, for the commands that messages and advice name. */
#ifndef COMMON_SHELL_H
#define COMMON_SHELL_H

/*
 * shell_word() - @text as one word, quoted only when necessary
 * Object names are untrusted text, and may contain blanks and quotes. Owned by the caller.
 */
char *
shell_word(const char *text);

/*
 * shell_certctl() - "certctl BEFORE NAME AFTER", a command that can be run as it is printed
 * @before: "renew", "set auto"
 * @name: quoted as one word
 * @after: "--force"; or NULL
 * Return: owned by the caller.
 */
char *
shell_certctl(const char *before, const char *name, const char *after);

#endif
