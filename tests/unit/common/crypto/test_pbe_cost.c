/* How much work a file may ask for before it is opened: at the limits, and one beside them. */
#include "common/crypto/pbe_cost.h"

#include "common/error.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <string.h>

static unsigned char salt[8] = "saltsalt";

static void
expect(X509_ALGOR *algor, int64_t budget, int64_t left, const char *words)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	int rc = pbe_cost_take(algor, &budget, &err);

	cr_expect_eq(rc, words ? -1 : 0, "%s", err.message);
	cr_expect_eq(budget, left, "%lld are left, not %lld", (long long)budget, (long long)left);
	if (words)
		cr_expect(err.code == ERROR_INVALID && strstr(err.message, words), "%s", err.message);
	X509_ALGOR_free(algor);
}

static X509_ALGOR *
scrypt(uint64_t parallel)
{
	return PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt, sizeof(salt), NULL, 1024, 8, parallel);
}

Test(pbe_cost, iterations_are_taken_from_the_budget_of_the_file)
{
	static const char dear[] = "needs more than 5000000 iterations to decrypt";

	expect(PKCS5_pbe2_set(EVP_aes_256_cbc(), 999, salt, sizeof(salt)), 1000, 1, NULL);
	expect(PKCS5_pbe2_set(EVP_aes_256_cbc(), 1000, salt, sizeof(salt)), 1000, 0, NULL);
	expect(PKCS5_pbe2_set(EVP_aes_256_cbc(), 1001, salt, sizeof(salt)), 1000, 1000, dear);
	expect(PKCS5_pbe_set(NID_pbe_WithSHA1And3_Key_TripleDES_CBC, 1000, salt, sizeof(salt)), 1000, 0, NULL);
	expect(PKCS5_pbe_set(NID_pbe_WithSHA1And3_Key_TripleDES_CBC, 1001, salt, sizeof(salt)), 1000, 1000, dear);
	expect(PKCS5_pbe2_set(EVP_aes_256_cbc(), 1, salt, sizeof(salt)), PBE_BUDGET, PBE_BUDGET - 1, NULL);
}

Test(pbe_cost, of_scrypt_the_number_of_runs_is_limited)
{
	expect(scrypt(1), 0, 0, NULL);
	expect(scrypt(16), 0, 0, NULL);
	expect(scrypt(17), 1000, 1000, "has scrypt parameters that are too large");
	expect(scrypt(1000), 1000, 1000, "has scrypt parameters that are too large");
}

/* @from: an algorithm whose parameters are put under the name of @nid, where they are something else. */
static X509_ALGOR *
under_another_name(X509_ALGOR *from, int nid)
{
	ASN1_OBJECT_free(from->algorithm);
	from->algorithm = OBJ_nid2obj(nid);
	return from;
}

Test(pbe_cost, parameters_that_cannot_be_read_are_refused)
{
	static const char unreadable[] = "is encrypted with unreadable parameters";
	X509_ALGOR *plain = X509_ALGOR_new();
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	int64_t budget = 10;

	X509_ALGOR_set0(plain, OBJ_nid2obj(NID_pbes2), V_ASN1_NULL, NULL);
	expect(plain, 10, 10, unreadable);
	plain = X509_ALGOR_new();
	X509_ALGOR_set0(plain, OBJ_nid2obj(NID_pbe_WithSHA1And3_Key_TripleDES_CBC), V_ASN1_NULL, NULL);
	expect(plain, 10, 10, unreadable);
	expect(under_another_name(PKCS5_pbe_set(NID_pbe_WithSHA1And3_Key_TripleDES_CBC, 5, salt, 8), NID_pbes2), 10, 10,
		unreadable);
	cr_expect_eq(pbe_cost_take_iterations(NULL, &budget, NULL), 0, "one is the default");
	cr_expect_eq(budget, 9);
	ASN1_INTEGER_set_int64(number, 0);
	cr_expect_eq(pbe_cost_take_iterations(number, &budget, NULL), -1);
	ASN1_INTEGER_set_int64(number, -1);
	cr_expect_eq(pbe_cost_take_iterations(number, &budget, NULL), -1);
	ASN1_INTEGER_set_int64(number, 1);
	cr_expect_eq(pbe_cost_take_iterations(number, &budget, NULL), 0);
	cr_expect_eq(budget, 8);
	ASN1_INTEGER_set_uint64(number, UINT64_MAX);
	cr_expect_eq(pbe_cost_take_iterations(number, &budget, NULL), -1);
	cr_expect_eq(budget, 8);
	ASN1_INTEGER_free(number);
}
