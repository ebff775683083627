/* ct: certificates for managed names that certd did not order, and their acknowledgement. */
#include "common/shell.h"
#include "ctl/command/cmd.h"
#include "ctl/present/output.h"

static void
ct_print_finding(FILE *out, struct json_object *item)
{
	const char *id = ctl_text_at(item, "finding"), *report_to = ctl_text_at(item, "reportTo");
	_cleanup_free_ char *acknowledge = shell_certctl("ct --acknowledge", id, NULL);
	struct json_object *names = ctl_array_at(item, "names");

	for (size_t i = 0; i < ctl_count_at(names, ""); i++)
		fprintf(out, "%s%s", i ? ", " : "", json_object_get_string(json_object_array_get_idx(names, i)));
	fprintf(out, "\n  issuer:  %s\n  serial:  %s\n  valid:   %s to %s\n", ctl_text_at(item, "issuer"),
		ctl_text_at(item, "serialNumber"), ctl_text_at(item, "notBefore"), ctl_text_at(item, "notAfter"));
	if (*ctl_text_at(item, "acknowledgedDate")) {
		fprintf(out, "  acknowledged %s by %s\n", ctl_text_at(item, "acknowledgedDate"),
			ctl_text_at(item, "acknowledgedBy"));
		return;
	}
	fprintf(out, "  if it is yours: %s\n  if not, ask the issuer to revoke that serial number%s%s\n", acknowledge,
		*report_to ? ": " : "", report_to);
}

static void
ct_item(struct output *output, struct json_object *result)
{
	FILE *out = output->ctl->out;
	struct json_object *items = ctl_array_at(result, "items"), *failing = ctl_array_at(result, "failing");

	for (size_t i = 0; i < ctl_count_at(items, ""); i++)
		ct_print_finding(out, json_object_array_get_idx(items, i));
	for (size_t i = 0; i < ctl_count_at(failing, ""); i++) {
		struct json_object *domain = json_object_array_get_idx(failing, i);

		fprintf(out, "cannot ask for %s: %s; next attempt %s\n", ctl_text_at(domain, "domain"),
			ctl_text_at(domain, "message"), ctl_text_at(domain, "nextDate"));
	}
}

static const struct view view_ct = { VIEW_OBJECT, ct_item, NULL };

static int
ct_acknowledge(struct ctl *ctl, const char *id, struct error *err)
{
	_cleanup_json_ struct json_object *result = NULL;
	struct json_object *params = json_object_new_object();

	json_add_string(params, "finding", id);
	return ctl_call(ctl, RPC_CT_ACKNOWLEDGE, params, &result, err);
}

int
cmd_ct(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *result = NULL;
	bool is_quiet;

	if (args_text(args, "acknowledge"))
		return ct_acknowledge(ctl, args_text(args, "acknowledge"), err);
	if (ctl_call(ctl, RPC_CT_LIST, NULL, &result, err) < 0)
		return -1;
	output_object(ctl, &view_ct, NULL, result);
	is_quiet = ctl_count_at(result, "items") == 0 && ctl->format == FORMAT_TEXT;
	if (is_quiet && !*ctl_text_at(result, "source"))
		fputs("certctl: certd does not look at Certificate Transparency: ct-source is not set in certd.conf\n",
			ctl->err);
	else if (is_quiet)
		fputs("certctl: no certificate is known that certd did not order\n", ctl->err);
	return 0;
}
