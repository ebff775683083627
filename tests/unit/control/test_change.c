#include "daemon/control/res_autocert.h"

#include <criterion/criterion.h>

static struct autocert
declared(void)
{
	struct autocert a = { .common_name = xstrdup("www.example.com"), .provider = xstrdup("p1") };

	strlist_add(&a.sans, "example.com");
	return a;
}

Test(autocert_change, what_the_certificate_says_makes_a_new_one_what_readers_need_another_rollout)
{
	struct autocert old = declared();
	struct autocert new = declared();

	cr_expect_eq(autocert_change(&old, &new), AUTOCERT_NOTHING);
	new.renew_before = 86400;
	cr_expect_eq(autocert_change(&old, &new), AUTOCERT_RESCHEDULE);
	strlist_add(&new.consumers, "c1");
	cr_expect_eq(autocert_change(&old, &new), AUTOCERT_REDEPLOY);
	str_replace(&new.key_algorithm, "secp384r1");
	cr_expect_eq(autocert_change(&old, &new), AUTOCERT_REISSUE);
	str_replace(&new.key_algorithm, NULL);
	strlist_add(&new.sans, "mail.example.com");
	cr_expect_eq(autocert_change(&old, &new), AUTOCERT_REISSUE);
	autocert_clear(&old);
	autocert_clear(&new);
}
