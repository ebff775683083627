#include "common/api/api_words.h"

#include "common/alloc.h"

#include <criterion/criterion.h>

Test(api_words, options_become_members_and_commands_become_paths)
{
	static const struct {
		const char *message, *shown;
	} cases[] = {
		{ "", "" },
		{ "nothing to translate - or -- here", "nothing to translate - or -- here" },
		{ "'www' is paused; resume it, or renew with --force",
			"'www' is paused; resume it, or renew with force" },
		{ "with curl, write --json", "with curl, write --json" },
		{ "set the CA's root with --ca-file", "set the CA's root with caFile" },
		{ "(choose the provider with --dns)", "(choose the provider with dnsProvider)" },
		{ "is a PKCS#12 file: use --pkcs12 FILE", "is a PKCS#12 file: use pkcs12 FILE" },
		{ "to list them: certctl list dns", "to list them: GET /dns-providers" },
		{ "for it: certctl add-dns --name NAME --kind rfc2136 --tsig-key-file FILE --zone a.example (or, if x)",
			"for it: POST /dns-providers with name, kind, tsigKey, zones (or, if x)" },
		{ "add one (certctl add-dns ... --zone a.example) or choose one (--dns)",
			"add one (POST /dns-providers with zones) or choose one (dnsProvider)" },
		{ "is already being authorized; see: certctl show authorization 'a.example'",
			"is already being authorized; see: GET /authorizations/a.example" },
		{ "to order another one first, run certctl renew 'www'; to delete both: certctl rm auto 'www' "
		  "--with-certificates",
			"to order another one first, run POST /auto-certificates/www/renew; to delete both: DELETE "
			"/auto-certificates/www with withCertificates" },
		{ "at once with certctl deploy CONSUMER", "at once with POST /consumers/CONSUMER/deploy" },
		{ "to replace it: certctl set dns ns1 --token-file FILE",
			"to replace it: PATCH /dns-providers/ns1 with token" },
		{ "declare one (see: certctl add-dns --help)", "declare one (see: POST /dns-providers)" },
		/* PATCH of an auto-certificate only changes its name. */
		{ "(certctl set auto NAME --provider NEW)", "(certctl set auto NAME --provider NEW)" },
		{ "see certctl events", "see certctl events" },
		{ "certctl", "certctl" },
		{ "certctl ", "certctl " },
		{ "certctl show", "certctl show" },
		{ "xcertctl show dns", "xcertctl show dns" },
		{ "certctl show dns 'a", "GET /dns-providers/'a" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *shown = api_words_for_rest(cases[i].message);

		cr_expect_str_eq(shown, cases[i].shown);
	}
}
