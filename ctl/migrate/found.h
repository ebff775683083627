/* ctl/migrate/found.h: what another ACME client has, as its reader (clients.h) found it: plain values, not checked. */
#ifndef CTL_MIGRATE_FOUND_H
#define CTL_MIGRATE_FOUND_H

#include "common/json.h"
#include "common/strlist.h"

enum { FOUND_MAX = 10000 }; /* certificates of one client */

struct found_account {
	char *id;     /* what certificates refer to; owned, like all below */
	char *server; /* URL of the directory; NULL: the files do not say */
	char *email;  /* NULL: the files do not say */
	char *key;    /* its file, relative to the client's directory */
};

enum found_method { FOUND_HTTP, FOUND_DNS };

struct found_certificate {
	char *name;    /* the client's name for it */
	char *file;    /* certificate and chain, relative to the client's directory */
	char *key;     /* the same */
	char *account; /* id; NULL: unknown */
	enum found_method method;
	char *how;               /* the client's words for the method: "webroot", "dns-cloudflare" */
	struct json_object *dns; /* properties of a DNS provider, with secrets; owned; NULL: certd has none for .how */
	/* What the client runs for a new certificate: {text, command}, hook_add(); NULL: nothing. Owned. */
	struct json_object *hooks;
	bool reuses_key;
	int64_t renew_before; /* seconds; 0: the default */
	char *problem;        /* why it cannot be taken; or NULL */
};

struct found {
	int root;        /* descriptor of the client's directory; owned */
	char *directory; /* its path; owned */
	struct found_account *accounts;
	size_t n_accounts;
	struct found_certificate *certificates;
	size_t n_certificates;
	struct strlist advice; /* what remains to be done, one line each */
};

void
found_clear(struct found *found);

/* Both are borrowed until the next one is added. */
struct found_account *
found_add_account(struct found *found, const char *id);

struct found_certificate *
found_add_certificate(struct found *found, const char *name);

/* Keeps the first reason. */
void
found_cannot(struct found_certificate *certificate, const char *fmt, ...) _printf_(2, 3);

/* Adds a line unless it is there already. */
void
found_advise(struct found *found, const char *fmt, ...) _printf_(2, 3);

#endif
