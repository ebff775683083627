/* The verdicts of RFC 8659 and RFC 8657, as a table. */
#include "daemon/ready/caa.h"

#include <criterion/criterion.h>
#include <string.h>

#define ACCOUNT "https://ca.example/acct/1"

enum { WILD = 1, NO_CA = 2, NO_ACCOUNT = 4 };

static const struct {
	const char *records; /* separated by '|' */
	unsigned flags;
	enum caa_verdict verdict;
	const char *says;
} cases[] = {
	/* issue */
	{ "0 issue ca.example", 0, CAA_ALLOWED, "" },
	{ "0 issue other.example", 0, CAA_FORBIDDEN, "issue \"other.example\" does not allow ca.example" },
	{ "0 ISSUE CA.Example", 0, CAA_ALLOWED, "" },
	{ "0 issue other.example|0 issue ca2.example", 0, CAA_ALLOWED, "" },
	{ "0 issue ;", 0, CAA_FORBIDDEN, "issue \";\" does not allow" },
	{ "0 issue ;|0 issue ca.example", 0, CAA_ALLOWED, "" },
	{ "0 issue ca.example.", 0, CAA_FORBIDDEN, "" },
	{ "0 issue xca.example", 0, CAA_FORBIDDEN, "" },
	{ "0 issue   ca.example  ", 0, CAA_ALLOWED, "" },
	{ "0 issue ca.example; x=1; y = 2", 0, CAA_ALLOWED, "" },
	{ "0 issue ca.example;", 0, CAA_ALLOWED, "" },
	{ "0 issue ca.example; garbage", 0, CAA_FORBIDDEN, "" },
	{ "0 issue ca.example x", 0, CAA_FORBIDDEN, "" },
	{ "0 issue ca.example; =1", 0, CAA_FORBIDDEN, "" },
	/* nothing about issuing */
	{ "0 iodef mailto:a@example.com", 0, CAA_ALLOWED, "" },
	{ "0 issuewild other.example", 0, CAA_ALLOWED, "" },
	{ "0 issuemail ;", 0, CAA_ALLOWED, "" },
	/* issuewild */
	{ "0 issue ca.example|0 issuewild ;", WILD, CAA_FORBIDDEN, "issuewild \";\"" },
	{ "0 issue ca.example|0 issuewild ;", 0, CAA_ALLOWED, "" },
	{ "0 issue ;|0 issuewild ca.example", WILD, CAA_ALLOWED, "" },
	{ "0 issue ;|0 issuewild ca.example", 0, CAA_FORBIDDEN, "" },
	{ "0 issue other.example", WILD, CAA_FORBIDDEN, "" },
	{ "0 issue ca.example", WILD, CAA_ALLOWED, "" },
	/* critical */
	{ "128 issue ca.example", 0, CAA_ALLOWED, "" },
	{ "128 tbs Unknown|0 issue ca.example", 0, CAA_FORBIDDEN, "\"128 tbs Unknown\" is critical" },
	{ "0 tbs Unknown|0 issue ca.example", 0, CAA_ALLOWED, "" },
	{ "128 issuemail ;|0 issue ca.example", 0, CAA_ALLOWED, "" },
	/* accounturi */
	{ "0 issue ca.example; accounturi=" ACCOUNT, 0, CAA_ALLOWED, "" },
	{ "0 issue ca.example; accounturi=https://ca.example/acct/2", 0, CAA_FORBIDDEN,
		"only the account https://ca.example/acct/2, and the account of the provider is " ACCOUNT },
	{ "0 issue ca.example; accounturi=https://ca.example/ACCT/1", 0, CAA_FORBIDDEN, "" },
	{ "0 issue ca.example; accounturi=" ACCOUNT "; accounturi=" ACCOUNT, 0, CAA_FORBIDDEN, "twice" },
	{ "0 issue ca.example; accounturi=" ACCOUNT, NO_ACCOUNT, CAA_UNKNOWN, "not known yet" },
	{ "0 issue ca.example; accounturi=x|0 issue ca.example", 0, CAA_ALLOWED, "" },
	{ "0 issue other.example; accounturi=" ACCOUNT, 0, CAA_FORBIDDEN, "" },
	/* validationmethods */
	{ "0 issue ca.example; validationmethods=dns-01", 0, CAA_ALLOWED, "" },
	{ "0 issue ca.example; validationmethods=http-01,dns-01", 0, CAA_ALLOWED, "" },
	{ "0 issue ca.example; validationmethods=http-01", 0, CAA_FORBIDDEN,
		"only validation by http-01, and certd would use dns-01" },
	{ "0 issue ca.example; validationmethods=", 0, CAA_FORBIDDEN, "" },
	{ "0 issue ca.example; validationmethods=dns-012,xdns-01", 0, CAA_FORBIDDEN, "" },
	/* a CA without identities */
	{ "0 issue ca.example", NO_CA, CAA_UNKNOWN, "does not say by which name" },
	{ "0 issue ;", NO_CA, CAA_FORBIDDEN, "does not allow any CA" },
	/* records that are none */
	{ "", 0, CAA_ALLOWED, "" },
	{ "0", 0, CAA_ALLOWED, "" },
	{ "x issue ;", 0, CAA_ALLOWED, "" },
	{ "0 issue", 0, CAA_ALLOWED, "" },
};

Test(caa, judges_as_the_rfcs_say)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strlist_ struct strlist records = STRLIST_INIT, identities = STRLIST_INIT;
		_cleanup_buf_ struct buf why = BUF_INIT;
		struct caa_question q = {
			.identities = &identities,
			.account_url = cases[i].flags & NO_ACCOUNT ? NULL : ACCOUNT,
			.method = "dns-01",
			.is_wildcard = cases[i].flags & WILD,
		};
		enum caa_verdict verdict;

		strlist_split(&records, cases[i].records, '|');
		if (!(cases[i].flags & NO_CA)) {
			strlist_add(&identities, "ca.example");
			strlist_add(&identities, "ca2.example");
		}
		verdict = caa_judge(&records, &q, &why);
		cr_expect_eq(verdict, cases[i].verdict, "%s: %d", cases[i].records, verdict);
		cr_expect(strstr(buf_str(&why), cases[i].says), "%s: %s", cases[i].records, buf_str(&why));
		cr_expect_eq(why.len > 0, cases[i].verdict != CAA_ALLOWED, "%s: %s", cases[i].records, buf_str(&why));
	}
}
