/*
 * ctl/migrate/clients.h: the ACME clients that certctl can replace. A new one is a row in clients.c and a file with its
 * reader.
 */
#ifndef CTL_MIGRATE_CLIENTS_H
#define CTL_MIGRATE_CLIENTS_H

#include "ctl/migrate/found.h"

struct client_kind {
	const char *name;
	const char *directories[4]; /* where it keeps its files; "~/" is the home directory; ends with NULL */
	/*
	 * Reads all that is in found->directory, open as found->root. A certificate that cannot be taken has a
	 * .problem. Return: 0, or -1 when the directory as a whole cannot be read.
	 */
	int (*read)(struct found *found, struct error *err);
	const char *farewell; /* how to stop it */
};

/* Ends with a NULL name. */
extern const struct client_kind client_kinds[];

/* NULL: unknown. */
const struct client_kind *
client_kind_find(const char *name);

/* Opens @directory and reads it. Errors name the directory. @ret: cleared by the caller (found_clear()). */
int
client_kind_read(const struct client_kind *kind, const char *directory, struct found *ret, struct error *err);

/* Its first directory that has a certificate; owned by the caller; NULL: none. */
char *
client_kind_look(const struct client_kind *kind);

/* The directory URL of a well-known CA at @host; NULL: none, or several. Static. */
const char *
client_server_at(const char *host);

int
certbot_read(struct found *found, struct error *err);
int
acmesh_read(struct found *found, struct error *err);
int
lego_read(struct found *found, struct error *err);
int
dehydrated_read(struct found *found, struct error *err);
int
uacme_read(struct found *found, struct error *err);

#endif
