/*
 * uacme: NAME/cert.pem, private/NAME/key.pem, and one account whose key is private/key.pem. The CA, the address and the
 * way of validation are options of its command line.
 */
#include "common/error.h"
#include "ctl/migrate/clients.h"
#include "ctl/migrate/files.h"

#include <string.h>

int
uacme_read(struct found *found, struct error *err)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;

	if (!files_is_there(found->root, "private"))
		return error_set(err, ERROR_NOT_FOUND, "it has no directory 'private'");
	found_add_account(found, "private")->key = xstrdup("private/key.pem");
	files_list(found->root, ".", &names);
	for (size_t i = 0; i < names.count; i++) {
		_cleanup_free_ char *file = xasprintf("%s/cert.pem", names.items[i]);
		struct found_certificate *c;

		if (!files_is_there(found->root, file))
			continue;
		c = found_add_certificate(found, names.items[i]);
		c->file = xstrdup(file);
		c->key = xasprintf("private/%s/key.pem", names.items[i]);
		c->account = xstrdup("private");
		c->method = FOUND_HTTP;
		c->how = xstrdup("a challenge that uacme does not store");
	}
	if (!found->n_certificates)
		return 0;
	found_advise(found, "uacme does not store its challenge: http-01 is declared unless --dns is given");
	found_advise(
		found, "uacme does not store its hooks (-h): declare them with certctl add-consumer --activate exec");
	return 0;
}
