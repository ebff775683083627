/*
 * daemon/rollout/output.h: the files that a consumer declares in its directory, as a list: what is in each, where, with
 * which mode and group. Pure: nothing here touches a file.
 *
 * A declared path is relative to the consumer's directory and may contain
 *   {name}      of the directory in live/: unique to the certificate, "*." as "_."
 *   {domain}    the common name, "*." as "_."     {type}  of the key: rsa or ecdsa
 * Layouts (common/api/outputs.h) also use
 *   {cn}        the common name as it is          {ecc}   "_ecc", unless the key is RSA
 *   {number}    one more than the last one        {time}  when the certificate was issued; UNIX seconds
 */
#ifndef DAEMON_ROLLOUT_OUTPUT_H
#define DAEMON_ROLLOUT_OUTPUT_H

#include "common/api/outputs.h"
#include "common/strlist.h"
#include "daemon/store/object.h"

#include <sys/types.h>

#define OUTPUT_FORMAT_ID(id, word, mode, has_password, help) OUTPUT_##id,
enum output_format { OUTPUT_FORMATS(OUTPUT_FORMAT_ID) OUTPUT_FORMAT_COUNT };

/* Does such a file have the private key? */
bool
output_format_has_key(enum output_format format);

/* One declared file. */
struct output {
	enum output_format format;
	char *path; /* template; owned, like the others */
	char *link; /* template of the symbolic link to it; or NULL: it has its own name */
	mode_t mode;
	bool has_mode; /* declared; otherwise a group's directory (setgid) lets that group read */
	char *group;   /* or NULL: that of the directory */
};

struct output_list {
	struct output *items;
	size_t count;
};

#define _cleanup_outputs_ _cleanup_(output_list_clear)

void
output_list_clear(struct output_list *list);

/*
 * output_list_of() - the files that @c declares: of its layout and its outputs; none: it has certd's own files
 * @ret: empty. ERROR_INVALID with the property. Return: 0 or -1.
 */
int
output_list_of(const struct consumer *c, struct output_list *ret, struct error *err);

/* Does it declare files in its directory, instead of those of drop.h? */
bool
output_are_declared(const struct consumer *c);

/* Is one of them encrypted? */
bool
output_list_has_password(const struct output_list *list);

/* How many certificates may be in one directory? */
enum output_scope {
	OUTPUT_FOR_ONE,    /* the names are fixed */
	OUTPUT_FOR_DOMAIN, /* one for each common name and type of key */
	OUTPUT_FOR_ALL     /* the names are unique to the certificate */
};

enum output_scope
output_list_scope(const struct output_list *list);

enum output_scope
output_scope_of(const struct output *o);

/* The values of the placeholders. */
struct output_values {
	const char *name; /* all borrowed */
	const char *common_name;
	const char *algorithm;
	int64_t issued_at;
	int64_t number;
};

/* "rsa" or "ecdsa", which stands for all others. @algorithm: name of a key's; or NULL. Static. */
const char *
output_type_of(const char *algorithm);

/* Owned by the caller; NULL: it is not a plain path with these values (a name that is empty or too long). */
char *
output_expand(const char *template, const struct output_values *values);

#endif
