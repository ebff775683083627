/* check-dns: a test record at a DNS provider, and what each name server says about it. */
#include "ctl/command/cmd.h"
#include "ctl/present/output.h"

static void
dns_item(struct output *output, struct json_object *item)
{
	struct json_object *servers = ctl_at(item, "servers");

	for (size_t i = 0; i < ctl_count_at(servers, ""); i++)
		fprintf(output->ctl->out, "%s\n", json_object_get_string(json_object_array_get_idx(servers, i)));
	fprintf(output->ctl->out, "the TXT record of %s was added, found and removed\n", ctl_text_at(item, "record"));
}

static const struct view view_dns = { VIEW_OBJECT, dns_item, NULL };

int
cmd_check_dns(struct ctl *ctl, struct args *args, struct error *err)
{
	return output_call(ctl, args->command->method, json_object_get(args->values), &view_dns, NULL, err);
}
