# certctl: main.c, and all else as a library, so that tests link the same objects. common/ only: no libssl, no libcurl.
noinst_LTLIBRARIES += libctl.la
libctl_la_SOURCES = \
	ctl/apply.h ctl/apply_input.c ctl/apply_show.c \
	ctl/args.c ctl/args.h \
	ctl/client.c ctl/client.h \
	ctl/columns.c ctl/columns.h \
	ctl/cmd_apply.c \
	ctl/cmd_audit.c \
	ctl/cmd_authorize.c \
	ctl/cmd_consumer.c \
	ctl/cmd_env.c \
	ctl/cmd_export.c \
	ctl/cmd_import.c \
	ctl/cmd_declare.c \
	ctl/cmd_dump.c \
	ctl/cmd_events.c \
	ctl/cmd_list.c \
	ctl/cmd_read.c \
	ctl/cmd_watch.c \
	ctl/commands.c ctl/commands.h \
	ctl/complete.c \
	ctl/ctl.c ctl/ctl.h \
	ctl/ctl_run.c ctl/ctl_run.h \
	ctl/declaration.c ctl/declaration.h ctl/declaration_secret.c \
	ctl/declare.h \
	ctl/help.c ctl/help.h \
	ctl/live_table.c ctl/live_table.h \
	ctl/export.c ctl/export.h \
	ctl/options.c \
	ctl/output.c ctl/output.h \
	ctl/pages.c ctl/pages.h \
	ctl/plan.c ctl/plan.h \
	ctl/present.c ctl/present.h \
	ctl/password.c ctl/password.h \
	ctl/progress.c ctl/progress.h \
	ctl/text.c ctl/text.h \
	ctl/tsig_file.c ctl/tsig_file.h \
	ctl/values.c ctl/values.h \
	ctl/views.c \
	ctl/wait.c ctl/wait.h \
	ctl/yaml_file.c ctl/yaml_file.h

certctl_SOURCES = ctl/main.c
certctl_LDADD = libctl.la $(COMMON_LIBS) $(YAML_LIBS)

# The man page: what the tables know is written by certctl itself.
EXTRA_DIST += ctl/certctl.1.in
man1_MANS = certctl.1
CLEANFILES += certctl.1
certctl.1: $(srcdir)/ctl/certctl.1.in certctl$(EXEEXT)
	$(AM_V_GEN)while IFS= read -r line; do \
		case $$line in \
		@RUNSTATEDIR@*) ;; \
		@[A-Z]*@) ./certctl$(EXEEXT) help man `echo "$$line" | tr -d @ | tr '[:upper:]' '[:lower:]'` || exit 1; \
			continue ;; \
		esac; \
		printf '%s\n' "$$line"; \
	done < $(srcdir)/ctl/certctl.1.in | sed 's|@RUNSTATEDIR@|$(runstatedir)|' > $@.tmp && mv $@.tmp $@

# Completion: both files only call `certctl complete`.
EXTRA_DIST += etc/certctl.bash-completion etc/_certctl
bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions
zshcompletion_DATA = etc/_certctl
install-data-local: install-completion
install-completion:
	$(MKDIR_P) '$(DESTDIR)$(bashcompletiondir)'
	$(INSTALL_DATA) $(srcdir)/etc/certctl.bash-completion '$(DESTDIR)$(bashcompletiondir)/certctl'
uninstall-local: uninstall-completion
uninstall-completion:
	rm -f '$(DESTDIR)$(bashcompletiondir)/certctl'
.PHONY: install-completion uninstall-completion
