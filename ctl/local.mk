# certctl: main.c, and all else as a library, so that tests link the same objects. common/ only: no libssl, no libcurl.
noinst_LIBRARIES += libctl.a
libctl_a_SOURCES =

certctl_SOURCES = ctl/main.c
certctl_LDADD = libctl.a $(COMMON_LIBS) $(YAML_LIBS)

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
