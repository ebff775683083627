/*
 * watch: a table that stays current without polling. certd's events say which object changed, and only that object is
 * fetched again. If standard output is not a terminal, each event is a line. If the connection is lost, watch waits for
 * certd and then fetches what changed in the meantime.
 */
#include "common/timefmt.h"
#include "ctl/base/pages.h"
#include "ctl/command/cmd.h"
#include "ctl/present/live_table.h"
#include "ctl/present/views.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
	GATHER_MS = 100, /* events within this time are one refresh */
	BUSY_MS = 1000,  /* interval to redraw the elapsed time */
	IDLE_MS = 10000, /* interval to redraw relative dates */
	RETRY_MS = 250,  /* certd is away */
	RETRY_MAX_MS = 4000
};

struct watch {
	struct ctl *ctl;
	struct args *args;
	struct live_table *table;
	bool is_on_screen;         /* standard output is a terminal, and the format is text */
	struct output output;      /* the lines, if it is not a terminal */
	struct json_object *dirty; /* ids of changed objects that are to be fetched; owned */
	int64_t stale_since_ms;    /* since when the drawing is out of date; 0: it is current */
	int64_t last_seq;
	int signal_fd;
};

static const char enter_screen[] = "\033[?1049h\033[?25l";
static const char leave_screen[] = "\033[?1049l\033[?25h";
static const char home[] = "\033[H";
static const char erase_line_end[] = "\033[K";
static const char erase_below[] = "\033[J";

/* --- the screen --- */

static void
watch_draw(struct watch *w, const char *notice)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	_cleanup_buf_ struct buf text = BUF_INIT;
	FILE *out = w->ctl->out;

	if (!w->is_on_screen)
		return;
	ioctl(fileno(out), TIOCGWINSZ, &size);
	/* the last line stays empty: a newline there would scroll */
	live_table_draw(
		w->table, notice, size.ws_col ? size.ws_col : 80u, size.ws_row > 3 ? size.ws_row - 1u : 23u, &text);
	fputs(home, out);
	for (const char *line = buf_str(&text); *line;) {
		const char *end = strchrnul(line, '\n');

		fprintf(out, "%.*s%s\n", (int)(end - line), line, erase_line_end);
		line = *end ? end + 1 : end;
	}
	fputs(erase_below, out);
	fflush(out);
}

/* Leaves the last view on the ordinary screen. */
static void
watch_end_screen(struct watch *w)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (!w->is_on_screen)
		return;
	fputs(leave_screen, w->ctl->out);
	w->ctl->has_colour = false; /* it may be copied from there */
	live_table_draw(w->table, NULL, w->ctl->out_columns, 1000, &text);
	fputs(buf_str(&text), w->ctl->out);
	fflush(w->ctl->out);
}

/* --- reading --- */

static void
watch_take_object(struct json_object *object, void *arg)
{
	live_table_put(arg, object);
}

static int
watch_read_all(struct watch *w, struct error *err)
{
	enum api_method_id method = RPC_AUTOCERTIFICATE_LIST;

	live_table_clear(w->table);
	api_method_of(w->args->resource, API_LIST_ALL, &method);
	return pages_each(w->ctl, method, w->args->values, watch_take_object, w->table, err);
}

static int
watch_read_one(struct watch *w, const char *id, struct error *err)
{
	_cleanup_json_ struct json_object *object = NULL;
	_cleanup_error_ struct error why = ERROR_INIT;

	if (ctl_get(w->ctl, w->args->resource, id, &object, &why) == 0) {
		live_table_put(w->table, object);
		return 0;
	}
	if (why.code == ERROR_NOT_FOUND) {
		live_table_remove(w->table, id);
		return 0;
	}
	error_move(err, &why);
	return -1;
}

/* With filters, certd decides which objects belong to the list. */
static int
watch_refresh(struct watch *w, struct error *err)
{
	_cleanup_json_ struct json_object *dirty = w->dirty;

	w->dirty = json_object_new_object();
	if (!w->is_on_screen || json_object_object_length(dirty) == 0)
		return 0;
	if (json_object_object_length(w->args->values))
		return watch_read_all(w, err);
	json_object_object_foreach(dirty, id, unused) {
		(void)unused;
		if (watch_read_one(w, id, err) < 0)
			return -1;
	}
	return 0;
}

/* --- events --- */

static void
watch_take_event(struct watch *w, struct json_object *event)
{
	int64_t seq = json_object_get_int64(ctl_at(event, "seq"));
	bool is_progress = strcmp(ctl_text_at(event, "level"), "debug") == 0;

	/* stored events come with the subscription and again as notifications */
	if (!is_progress && seq <= w->last_seq)
		return;
	if (!is_progress)
		w->last_seq = seq;
	if (!live_table_event(w->table, event))
		return;
	if (!w->is_on_screen) {
		output_item(&w->output, event);
		return;
	}
	if (!w->stale_since_ms)
		w->stale_since_ms = time_monotonic_us() / 1000;
	if (!is_progress && strcmp(ctl_text_at(event, "kind"), "object.deleted") != 0)
		json_object_object_add(w->dirty, ctl_text_at(event, "object.id"), NULL);
}

/* @is_new: nothing was shown before; otherwise the events since the last one come first. */
static int
watch_subscribe(struct watch *w, bool is_new, struct error *err)
{
	struct json_object *params = json_object_new_object();
	_cleanup_json_ struct json_object *result = NULL;
	struct json_object *items;

	if (!is_new)
		json_add_int(params, "after", w->last_seq);
	if (ctl_call(w->ctl, RPC_EVENT_SUBSCRIBE, params, &result, err) < 0)
		return -1;
	items = ctl_array_at(result, "items");
	for (size_t i = 0; !is_new && items && i < json_object_array_length(items); i++)
		watch_take_event(w, json_object_array_get_idx(items, i));
	if (is_new)
		w->last_seq = json_object_get_int64(ctl_at(result, "after"));
	return w->is_on_screen ? watch_read_all(w, err) : 0;
}

static bool
watch_is_interrupted(const struct watch *w)
{
	struct signalfd_siginfo info;

	return read(w->signal_fd, &info, sizeof(info)) > 0;
}

/* An error that certd itself returned would repeat; any other error means that certd was not reachable. */
static bool
watch_is_refusal(const struct error *err)
{
	return err->code == ERROR_DENIED || err->code == ERROR_INVALID || err->code == ERROR_NOT_FOUND;
}

static void
watch_tell(struct watch *w, const char *what)
{
	if (w->is_on_screen)
		watch_draw(w, what);
	else if (what)
		fprintf(w->ctl->err, "certctl: %s\n", what);
}

/* Return: 1 certd is back, 0 interrupted, -1 certd is back and refuses. */
static int
watch_reconnect(struct watch *w, struct error *err)
{
	struct pollfd fd = { .fd = w->signal_fd, .events = POLLIN };
	int delay_ms = RETRY_MS;

	watch_tell(w, "certd does not answer; waiting for it to return");
	for (;;) {
		_cleanup_error_ struct error why = ERROR_INIT;

		client_close(w->ctl->client);
		w->ctl->client = NULL;
		if (poll(&fd, 1, delay_ms) > 0 && watch_is_interrupted(w))
			return 0;
		if (watch_subscribe(w, false, &why) == 0)
			break;
		if (w->ctl->client && watch_is_refusal(&why)) { /* a socket that is being created denies access */
			error_move(err, &why);
			return -1;
		}
		delay_ms = delay_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : delay_ms * 2;
	}
	watch_tell(w, w->is_on_screen ? NULL : "certd is back");
	return 1;
}

/* --- the loop --- */

/* How long to wait for the next event before the screen is redrawn; 0: redraw now. */
static int64_t
watch_draw_in_ms(const struct watch *w)
{
	int64_t left;

	if (!w->stale_since_ms)
		return live_table_is_busy(w->table) ? BUSY_MS : IDLE_MS;
	left = w->stale_since_ms + GATHER_MS - time_monotonic_us() / 1000;
	return left > 0 ? left : 0;
}

/* Return: 1 continue, 0 interrupted, -1 the connection failed. */
static int
watch_turn(struct watch *w, struct error *err)
{
	int64_t timeout_ms = watch_draw_in_ms(w);
	_cleanup_json_ struct json_object *event = NULL;
	int rc = timeout_ms ? client_event(w->ctl->client, w->signal_fd, timeout_ms, &event, err) : 0;

	if (rc > 0) {
		watch_take_event(w, event);
		return 1;
	}
	if (rc < 0)
		return -1;
	if (watch_is_interrupted(w))
		return 0;
	if (watch_refresh(w, err) < 0)
		return -1;
	w->stale_since_ms = 0;
	watch_draw(w, NULL);
	return 1;
}

/* Return: 0 interrupted, -1 refused. */
static int
watch_run(struct watch *w, struct error *err)
{
	for (;;) {
		_cleanup_error_ struct error why = ERROR_INIT;
		int rc = watch_turn(w, &why);

		if (rc < 0 && watch_is_refusal(&why)) {
			error_move(err, &why);
			return -1;
		}
		if (rc < 0)
			rc = watch_reconnect(w, err);
		if (rc <= 0)
			return rc;
	}
}

static void
watch_block_signals(int how, sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGINT);
	sigaddset(ret, SIGTERM);
	sigprocmask(how, ret, NULL);
}

static int
watch(struct watch *w, struct error *err)
{
	sigset_t signals;
	int rc;

	watch_block_signals(SIG_BLOCK, &signals);
	w->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	rc = watch_subscribe(w, true, err);
	if (rc == 0) {
		if (w->is_on_screen)
			fputs(enter_screen, w->ctl->out);
		watch_draw(w, NULL);
		rc = watch_run(w, err);
		watch_end_screen(w);
	}
	close(w->signal_fd);
	watch_block_signals(SIG_UNBLOCK, &signals);
	return rc;
}

int
cmd_watch(struct ctl *ctl, struct args *args, struct error *err)
{
	struct watch w = { .ctl = ctl, .args = args };
	const char *sort = args_text(args, "sort");
	const char *text = args_text(args, "columns");
	_cleanup_json_ struct json_object *nothing = json_object_new_array();
	struct columns columns = { .count = 0 };
	int rc;

	if (!args->resource)
		args->resource = &api_resources[API_AUTOCERTIFICATE];
	if (sort && columns_sort(ctl, args->resource, sort, nothing, err) < 0)
		return -1;
	if (text && columns_read(args->resource, text, &columns, err) < 0)
		return -1;
	if (!text)
		columns_default(args->resource, &columns);
	w.is_on_screen = ctl->format == FORMAT_TEXT && isatty(fileno(ctl->out));
	w.table = live_table_new(ctl, args->resource, &columns, sort);
	w.dirty = json_object_new_object();
	output_start(&w.output, ctl, &view_events, NULL);
	rc = watch(&w, err);
	output_end(&w.output);
	live_table_free(w.table);
	json_object_put(w.dirty);
	return rc;
}
