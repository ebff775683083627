/* daemon/base/port_owner.h: which program has a port, for messages. */
#ifndef DAEMON_BASE_PORT_OWNER_H
#define DAEMON_BASE_PORT_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

enum { PORT_OWNER_NAME_SIZE = 32 };

struct port_owner {
	uid_t uid;                       /* of its socket */
	pid_t pid;                       /* the first process that has it; 0: not known */
	char name[PORT_OWNER_NAME_SIZE]; /* of that process, printable; empty: not known */
};

/*
 * port_owner_find() - the program that listens on TCP port @port, on any address
 * The kernel tells every user the owner of the socket. Only root may see which process has it, so as another user
 * certd knows the process only if it is its own.
 * Return: false if no program listens there, or /proc cannot be read.
 */
bool
port_owner_find(unsigned port, struct port_owner *ret);

/* For a sentence: "nginx (process 612)", "a program of root", "a program of user 33". Owned by the caller. */
char *
port_owner_text(const struct port_owner *owner);

#endif
