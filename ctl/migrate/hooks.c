/*
 * Nothing is run to find out. A script counts as what its lines say, without comments and options of the shell; a word
 * that only root has a use for is enough to leave a hook to root, since one that fails at the next renewal, weeks
 * later, would be worse than one more step now.
 */
#include "ctl/migrate/hooks.h"

#include "common/buf.h"
#include "ctl/migrate/files.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char shell_characters[] = ";&|<>$`'\"(){}*?\\#~\n";

void
hook_reading_clear(struct hook_reading *reading)
{
	free(reading->service);
	free(reading->why);
	*reading = (struct hook_reading){ .service = NULL };
}

/* --- what it says --- */

static bool
hook_is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

/* The service that the command reloads, and nothing else; owned by the caller; NULL: it does something else. */
static char *
hook_reloaded_service(const char *command)
{
	static const char *const verbs[] = { "reload", "restart", "reload-or-restart", "try-reload-or-restart",
		"try-restart", "force-reload", NULL };
	_cleanup_strlist_ struct strlist words = STRLIST_INIT;
	const char *program, *slash, *service = NULL;
	size_t len;

	strlist_split(&words, command, ' ');
	if (words.count != 3)
		return NULL;
	slash = strrchr(words.items[0], '/');
	program = slash ? slash + 1 : words.items[0];
	if (strcmp(program, "systemctl") == 0 && hook_is_one_of(words.items[1], verbs))
		service = words.items[2];
	else if (strcmp(program, "service") == 0 && hook_is_one_of(words.items[2], verbs))
		service = words.items[1];
	else if (strcmp(program, "nginx") == 0 && strcmp(words.items[1], "-s") == 0)
		service = "nginx";
	if (!service || strpbrk(service, shell_characters) || strchr(service, '/'))
		return NULL;
	len = strlen(service);
	if (len > strlen(".service") && strcmp(service + len - strlen(".service"), ".service") == 0)
		len -= strlen(".service");
	return xstrndup(service, len);
}

/* Its lines without comments, blanks at both ends, and what only sets up the shell. */
static void
hook_commands(const char *text, struct strlist *ret)
{
	_cleanup_strlist_ struct strlist lines = STRLIST_INIT;

	strlist_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.count; i++) {
		char *line = lines.items[i];
		size_t len;

		line += strspn(line, " \t");
		len = strlen(line);
		while (len && strchr(" \t\r;", line[len - 1]))
			line[--len] = '\0';
		if (*line && *line != '#' && strncmp(line, "set -", strlen("set -")) != 0 &&
			strcmp(line, "exit 0") != 0)
			strlist_add(ret, line);
	}
}

/* Is @word in the place of a command, which it lets follow: "if", "A=b", "exec"? */
static bool
hook_is_prefix(const char *word)
{
	static const char *const words[] = { "if", "then", "else", "elif", "while", "do", "!", "exec", "env", "time",
		"nohup", "command", NULL };

	return hook_is_one_of(word, words) || strchr(word, '=');
}

/* The first command of the line that only root has a use for; owned by the caller; NULL: none. */
static char *
hook_root_command(const char *line)
{
	static const char *const words[] = { "systemctl", "service", "invoke-rc.d", "rc-service", "sudo", "su",
		"runuser", "install", "cp", "mv", "ln", "tee", "mkdir", "chown", "chgrp", "chmod", "setfacl", "kill",
		"pkill", "killall", "nginx", "haproxy", "apachectl", "apache2ctl", "postfix", "postmap", "doveadm",
		"docker", "podman", "mount", "iptables", "nft", NULL };
	bool is_command = true;

	while (*line) {
		size_t len = strcspn(line, " \t;|&()`{}");
		_cleanup_free_ char *word = xstrndup(line, len);
		const char *slash = strrchr(word, '/');

		if (is_command && hook_is_one_of(slash ? slash + 1 : word, words))
			return xstrdup(slash ? slash + 1 : word);
		is_command = (is_command && (!len || hook_is_prefix(word))) || strchr(";|&(`{", line[len]);
		line += len + (line[len] != '\0');
	}
	return NULL;
}

/* The file outside of /dev and /tmp to which the line redirects; owned by the caller; NULL: none. */
static char *
hook_redirected(const char *line)
{
	const char *at = line;

	while ((at = strchr(at, '>')) != NULL) {
		at += strspn(at, "> \t\"'");
		if (*at == '/' && strncmp(at, "/dev/", strlen("/dev/")) != 0 &&
			strncmp(at, "/tmp/", strlen("/tmp/")) != 0)
			return xstrndup(at, strcspn(at, " \t;|&\"'"));
	}
	return NULL;
}

/* Why only root can run the commands; owned by the caller; NULL: nothing tells. */
static char *
hook_of_root(const struct strlist *commands)
{
	for (size_t i = 0; i < commands->count; i++) {
		_cleanup_free_ char *command = hook_root_command(commands->items[i]);
		_cleanup_free_ char *file = hook_redirected(commands->items[i]);

		if (command)
			return xasprintf("it runs %s", command);
		if (file)
			return xasprintf("it writes %s", file);
	}
	return NULL;
}

/* --- the program --- */

/* NULL: every user may run it, so certd's may, too. Owned by the caller. */
static char *
hook_obstacle(const char *path)
{
	struct stat st = { .st_mode = 0 };

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		_cleanup_free_ char *directory = xstrndup(path, (size_t)(slash - path));

		if (stat(directory, &st) < 0 || !(st.st_mode & S_IXOTH))
			return xasprintf("only the owner may enter %s", directory);
	}
	if (stat(path, &st) < 0)
		return xasprintf("%s does not exist", path);
	if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IROTH | S_IXOTH)) != (S_IROTH | S_IXOTH))
		return xasprintf("not every user may run %s", path);
	return NULL;
}

/* @path as text, if it is a script; owned by the caller; NULL: it is not one. */
static char *
hook_script(const char *path)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc = root < 0 ? -1 : files_read_text(root, path + 1, &text, NULL);

	if (root >= 0)
		close(root);
	return rc == 0 && strncmp(buf_str(&text), "#!", 2) == 0 ? xstrdup(buf_str(&text)) : NULL;
}

/* The path with which the command begins; owned by the caller; NULL: it begins with something else. */
static char *
hook_program(const char *text)
{
	size_t len = strcspn(text, " \t\n");
	char *ret = *text == '/' ? xstrndup(text, len) : NULL;

	if (ret && strpbrk(ret, shell_characters)) {
		free(ret);
		ret = NULL;
	}
	return ret;
}

void
hook_read(const char *text, struct hook_reading *ret)
{
	_cleanup_strlist_ struct strlist commands = STRLIST_INIT;
	_cleanup_free_ char *program = hook_program(text);
	_cleanup_free_ char *script = program ? hook_script(program) : NULL;

	*ret = (struct hook_reading){ .fate = HOOK_RUNS };
	hook_commands(script && strcmp(program, text) == 0 ? script : text, &commands);
	if (commands.count == 1)
		ret->service = hook_reloaded_service(commands.items[0]);
	if (ret->service) {
		ret->fate = HOOK_RELOADS;
		return;
	}
	if (script)
		hook_commands(script, &commands);
	ret->why = hook_of_root(&commands);
	if (!ret->why && program)
		ret->why = hook_obstacle(program);
	if (ret->why)
		ret->fate = HOOK_NEEDS_ROOT;
}

/* --- how certd runs it --- */

void
hook_add(struct found_certificate *certificate, const char *text, const char *script)
{
	struct json_object *hook, *command;

	if (!certificate->hooks)
		certificate->hooks = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(certificate->hooks); i++)
		if (strcmp(json_object_get_string(json_path(json_object_array_get_idx(certificate->hooks, i), "text")),
			    text) == 0)
			return;
	hook = json_object_new_object();
	command = json_object_new_array();
	if (script || *text != '/' || strpbrk(text, shell_characters) || strpbrk(text, " \t")) {
		json_object_array_add(command, json_object_new_string("/bin/sh"));
		json_object_array_add(command, json_object_new_string("-c"));
		if (script)
			json_object_array_add(command, json_object_new_string(script));
	}
	json_object_array_add(command, json_object_new_string(text));
	json_add_string(hook, "text", text);
	json_object_object_add(hook, "command", command);
	json_object_array_add(certificate->hooks, hook);
}
