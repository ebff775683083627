/*
 * /proc/self/net/tcp lists the listening sockets first, with the inode of each; /proc/PID/fd/N is a link to
 * "socket:[INODE]". Few sockets listen, so this is read on the loop. The sandbox of certd.service has no /proc/net.
 */
#include "daemon/base/port_owner.h"

#include "common/alloc.h"
#include "common/printable.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LISTENS = 0x0a, LINE = 256, PATH = 300, TARGET = 64 };

/* A line of /proc/net/tcp. Its other fields: number, remote address, queues, timer, retransmits, timeout. */
struct socket_line {
	unsigned long port, state, uid;
	unsigned long long inode;
};

static bool
port_owner_parse_line(char *line, struct socket_line *ret)
{
	enum { LOCAL = 1, STATE = 3, UID = 7, INODE = 9 };
	char *rest = NULL, *field = strtok_r(line, " ", &rest);
	int n = 0;

	for (; field && n <= INODE; field = strtok_r(NULL, " ", &rest), n++) {
		if (n == LOCAL && !strchr(field, ':'))
			return false; /* the heading */
		if (n == LOCAL)
			ret->port = strtoul(strchr(field, ':') + 1, NULL, 16);
		else if (n == STATE)
			ret->state = strtoul(field, NULL, 16);
		else if (n == UID)
			ret->uid = strtoul(field, NULL, 10);
		else if (n == INODE)
			ret->inode = strtoull(field, NULL, 10);
	}
	return n > INODE;
}

/* Return: the inode of the socket that listens on @port; 0: none in @table. */
static unsigned long long
port_owner_find_socket(const char *table, unsigned port, uid_t *ret_uid)
{
	FILE *file = fopen(table, "re");
	unsigned long long found = 0;
	char line[LINE];

	while (file && !found && fgets(line, sizeof(line), file)) {
		struct socket_line s = { .port = 0 };

		if (!port_owner_parse_line(line, &s))
			continue;
		if (s.state != LISTENS)
			break;
		if (s.port == port) {
			found = s.inode;
			*ret_uid = (uid_t)s.uid;
		}
	}
	if (file)
		fclose(file);
	return found;
}

static bool
port_owner_has_socket(const char *pid, const char *wanted)
{
	char path[PATH], target[TARGET];
	const struct dirent *entry;
	bool has_it = false;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	fds = opendir(path);
	while (fds && !has_it && (entry = readdir(fds))) {
		ssize_t n = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = '\0';
		has_it = strcmp(target, wanted) == 0;
	}
	if (fds)
		closedir(fds);
	return has_it;
}

static void
port_owner_read_name(const char *pid, struct port_owner *ret)
{
	_cleanup_free_ char *shown = NULL;
	char path[PATH], name[PORT_OWNER_NAME_SIZE] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "re");
	if (file && fgets(name, sizeof(name), file))
		name[strcspn(name, "\n")] = '\0';
	if (file)
		fclose(file);
	shown = printable_line(name, strlen(name), sizeof(ret->name) - 1);
	snprintf(ret->name, sizeof(ret->name), "%s", shown);
}

static void
port_owner_find_process(unsigned long long inode, struct port_owner *ret)
{
	char wanted[TARGET];
	const struct dirent *entry;
	DIR *processes = opendir("/proc");

	snprintf(wanted, sizeof(wanted), "socket:[%llu]", inode);
	while (processes && !ret->pid && (entry = readdir(processes))) {
		if (!isdigit((unsigned char)entry->d_name[0]) || !port_owner_has_socket(entry->d_name, wanted))
			continue;
		ret->pid = (pid_t)strtol(entry->d_name, NULL, 10);
		port_owner_read_name(entry->d_name, ret);
	}
	if (processes)
		closedir(processes);
}

bool
port_owner_find(unsigned port, struct port_owner *ret)
{
	unsigned long long inode;

	memset(ret, 0, sizeof(*ret));
	inode = port_owner_find_socket("/proc/self/net/tcp", port, &ret->uid);
	if (!inode)
		inode = port_owner_find_socket("/proc/self/net/tcp6", port, &ret->uid);
	if (!inode)
		return false;
	port_owner_find_process(inode, ret);
	return true;
}

char *
port_owner_text(const struct port_owner *owner)
{
	if (owner->name[0])
		return xasprintf("%s (process %ld)", owner->name, (long)owner->pid);
	if (owner->uid == 0)
		return xstrdup("a program of root");
	return xasprintf("a program of user %lu", (unsigned long)owner->uid);
}
