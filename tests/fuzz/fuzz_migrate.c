/*
 * The files of the clients that certctl replaces: each reader gets a directory as its client has it, in which the first
 * octet chooses the file that is the input.
 */
#include "common/error.h"
#include "ctl/migrate/clients.h"
#include "tests/fuzz/directory.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the others are meanwhile. */
static const struct {
	const char *client, *path, *text;
} files[] = {
	{ "certbot", "renewal/www.conf",
		"version = 2.1.0\n[renewalparams]\naccount = a1\nserver = https://ca.test/directory\n"
		"authenticator = webroot\n" },
	{ "certbot", "cli.ini", "email = a@b.test\n" },
	{ "certbot", "accounts/ca.test/directory/a1/private_key.json", "{}" },
	{ "certbot", "live/www/fullchain.pem", "x" },
	{ "acme.sh", "www/www.conf", "Le_Domain='www'\nLe_Webroot='dns_cf'\nLe_API='https://ca.test/directory'\n" },
	{ "acme.sh", "account.conf", "ACCOUNT_EMAIL='a@b.test'\nSAVED_CF_Token='t'\n" },
	{ "acme.sh", "ca/ca.test/directory/ca.conf", "ACCOUNT_URL='https://ca.test/acct/1'\n" },
	{ "acme.sh", "ca/ca.test/directory/account.key", "k" },
	{ "acme.sh", "www/fullchain.cer", "x" },
	{ "lego", "certificates/www.json", "{\"domain\":\"www\",\"certUrl\":\"https://ca.test/cert/1\"}" },
	{ "lego", "accounts/ca.test/a@b.test/account.json", "{\"email\":\"a@b.test\"}" },
	{ "lego", "certificates/www.crt", "x" },
	{ "dehydrated", "config", "CA=\"https://ca.test/directory\"\nCHALLENGETYPE=\"http-01\"\n" },
	{ "dehydrated", "domains.txt", "www.example.com example.com > www\n" },
	{ "dehydrated", "certs/www/config", "PRIVATE_KEY_RENEW=no\n" },
	{ "dehydrated", "certs/www/fullchain.pem", "x" },
	{ "dehydrated", "accounts/abc/registration_info.json", "{\"contact\":[\"mailto:a@b.test\"]}" },
	{ "uacme", "private/key.pem", "k" },
	{ "uacme", "private/www/key.pem", "k" },
	{ "uacme", "www/cert.pem", "x" },
};

static void
check_found(const struct found *found)
{
	for (size_t i = 0; i < found->n_accounts; i++)
		fuzz_expect(found->accounts[i].id != NULL);
	for (size_t i = 0; i < found->n_certificates; i++)
		fuzz_expect(found->certificates[i].name != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct found found = { .root = -1 };
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *directory = NULL;
	const char *client;
	size_t chosen;

	if (size < 1)
		return 0;
	chosen = data[0] % (sizeof(files) / sizeof(*files));
	client = files[chosen].client;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", files[i].client, files[i].path);

		if (i == chosen)
			fuzz_put(path, data + 1, size - 1);
		else if (strcmp(files[i].client, client) == 0)
			fuzz_put(path, files[i].text, strlen(files[i].text));
	}
	directory = xasprintf("%s/%s", fuzz_directory_path(), client);
	if (client_kind_read(client_kind_find(client), directory, &found, &err) == 0)
		check_found(&found);
	else
		fuzz_expect(error_is_set(&err));
	found_clear(&found);
	return 0;
}
