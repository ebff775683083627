/* Lists that grow. */
#include "ctl/migrate/found.h"

#include <stdlib.h>
#include <unistd.h>

void
found_clear(struct found *found)
{
	for (size_t i = 0; i < found->n_accounts; i++) {
		free(found->accounts[i].id);
		free(found->accounts[i].server);
		free(found->accounts[i].email);
		free(found->accounts[i].key);
	}
	for (size_t i = 0; i < found->n_certificates; i++) {
		struct found_certificate *c = &found->certificates[i];

		free(c->name);
		free(c->file);
		free(c->key);
		free(c->account);
		free(c->how);
		free(c->problem);
		json_object_put(c->dns);
		json_object_put(c->hooks);
	}
	free(found->accounts);
	free(found->certificates);
	free(found->directory);
	strlist_clear(&found->advice);
	if (found->root >= 0)
		close(found->root);
	*found = (struct found){ .root = -1 };
}

struct found_account *
found_add_account(struct found *found, const char *id)
{
	struct found_account *a;

	found->accounts = xreallocarray(found->accounts, found->n_accounts + 1, sizeof(*found->accounts));
	a = &found->accounts[found->n_accounts++];
	*a = (struct found_account){ .id = xstrdup(id) };
	return a;
}

struct found_certificate *
found_add_certificate(struct found *found, const char *name)
{
	struct found_certificate *c;

	found->certificates = xreallocarray(
		found->certificates, found->n_certificates + 1, sizeof(*found->certificates));
	c = &found->certificates[found->n_certificates++];
	*c = (struct found_certificate){ .name = xstrdup(name) };
	return c;
}

void
found_cannot(struct found_certificate *certificate, const char *fmt, ...)
{
	va_list ap;

	if (certificate->problem)
		return;
	va_start(ap, fmt);
	certificate->problem = xvasprintf(fmt, ap);
	va_end(ap);
}

void
found_advise(struct found *found, const char *fmt, ...)
{
	_cleanup_free_ char *line = NULL;
	va_list ap;

	va_start(ap, fmt);
	line = xvasprintf(fmt, ap);
	va_end(ap);
	if (!strlist_has(&found->advice, line))
		strlist_add(&found->advice, line);
}
