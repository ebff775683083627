/* ctl/declare/tsig_file.h: TSIG keys in the formats of DNS servers' tools. */
#ifndef CTL_DECLARE_TSIG_FILE_H
#define CTL_DECLARE_TSIG_FILE_H

#include "common/json.h"

struct tsig_file {
	char *name;      /* owned; NULL: the file does not say */
	char *algorithm; /* owned, lower case; NULL: the file does not say */
	char *secret;    /* owned; base64 */
};

/*
 * tsig_file_read() - parse a TSIG key in any known format
 * These are tsig-keygen and named.conf (key "NAME" { algorithm ..; secret ..; };), keymgr -t (YAML), the private format
 * of dnssec-keygen and ldns-keygen, nsupdate's [ALGORITHM:]NAME:SECRET, and the bare secret.
 * Return: 0, or -1 ERROR_INVALID.
 */
int
tsig_file_read(const char *text, struct tsig_file *ret, struct error *err);

void
tsig_file_clear(struct tsig_file *file);

/* Splits properties.tsigKey into tsigKey, tsigName and tsigAlgorithm; does not overwrite the latter two. */
int
tsig_file_apply(struct json_object *properties, struct error *err);

#endif
