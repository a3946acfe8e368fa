#include "cli/man_page.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/version.h"

namespace bamgate::cli {
namespace {

constexpr std::string_view kEnd = R"(.SH FILES
.TP
.I /etc/bamgate/config.toml
This device: its name, address, hub, and what it accepts from others
.RB ( bamgate\-config (5)).
Anyone may read it.
.TP
.I /etc/bamgate/secrets.toml
Its private key and tokens, for the user bamgate alone.
.TP
.I /etc/bamgate/pins
Which key each other device has. Another key is refused until 'bamgate devices trust NAME'.
.TP
.I /run/bamgate/control.sock
The device while it runs. Members of the group bamgate may ask for its status.
.TP
.I /var/lib/bamgate\-hub
The hub: database, key and certificate, for the user bamgate\-hub alone.
.TP
.I /etc/default/bamgate\-hub
The options of the hub's service.
.SH ENVIRONMENT
.TP
.B BAMGATE_CONFIG_DIR
The configuration folder, where \-\-config does not say it.
.TP
.B NO_COLOR
No colour, whatever it is set to.
.SH SIGNALS
.TP
.BR SIGTERM ", " SIGINT
End a device or a hub in order; a second one at once.
.TP
.B SIGHUP
Reads again what can change while it runs: a device's config.toml and log file, a hub's certificate. The log says what came of
it.
.SH EXIT STATUS
.TP
0
Done.
.TP
1
Failed; a message on standard error says what was tried and what to do. So does a command whose answer does not arrive, as on a
full disk.
.TP
2
Wrong usage.
.TP
3
Not running.
.TP
4
Not authorised: the hub does not know this device any more or has revoked it, or refuses what was asked. Set it up again.
.TP
5
The hub cannot be reached.
.SH EXAMPLES
A hub, and a join string for the first device:
.PP
.nf
    systemctl enable \-\-now bamgate\-hub
    bamgate hub token
.fi
.PP
A device that is always connected:
.PP
.nf
    bamgate setup \-\-join \- \-\-name laptop
    bamgate up \-d
    bamgate status
.fi
.PP
Where packets are lost: what each part counted since the start, in words.
.PP
.nf
    bamgate status \-v
.fi
.SH SEE ALSO
.BR bamgate\-config (5),
.BR wg (8),
.BR systemctl (1),
.BR journalctl (1)
)";

/// Text as roff takes it: every hyphen is one that can be searched and copied, no line begins a request.
std::string escape(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else if ((c == '.' || c == '\'') && (result.empty() || result.back() == '\n')) {
      result += std::string("\\&") + c;
    } else {
      result += c;
    }
  }
  return result;
}

std::string value_of(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) return "";
  return " \\fI" + escape(option.get_type_name()) + "\\fR";
}

std::string write_option(const CLI::Option& option) {
  std::string names;
  const auto name = [&](const std::string& text) {
    names += (names.empty() ? "" : ", ") + ("\\fB" + escape(text) + "\\fR");
  };
  for (const std::string& one : option.get_snames()) name("-" + one);
  for (const std::string& one : option.get_lnames()) name("--" + one);
  const bool positional = names.empty();
  std::string page = ".TP\n" + names + (positional ? value_of(option).substr(1) : value_of(option)) + "\n";
  page += escape(option.get_description());
  const std::string preset = option.get_default_str();
  if (!preset.empty()) page += " (default: " + escape(preset) + ")";
  return page + "\n";
}

/// "bamgate hub token [OPTIONS]" as a heading, what it does, its options, then its own commands.
std::string write_command(const CLI::App& command, const std::string& above) {
  const std::string name = above + " " + command.get_name();
  std::string page = ".SS " + escape(name) + "\n" + escape(command.get_description()) + ".\n";
  for (const CLI::Option* option : command.get_options()) {
    if (option != command.get_help_ptr()) page += write_option(*option);
  }
  for (const CLI::App* one : command.get_subcommands([](const CLI::App*) { return true; })) {
    page += write_command(*one, name);
  }
  return page;
}

}  // namespace

std::string man_page(const CLI::App& app) {
  std::string page = std::string(".TH BAMGATE 1 \"\" \"bamgate ") + kVersion + "\" \"bamgate\"\n";
  page += ".SH NAME\nbamgate \\- a private network for your own machines\n";
  page += ".SH SYNOPSIS\n.B bamgate\n\\fICOMMAND\\fR [\\fIOPTION\\fR...]\n";
  page += ".SH DESCRIPTION\n" + escape(app.get_description()) +
          "\nA hub introduces the devices to each other; what they send goes from one to the other, and the hub cannot "
          "read "
          "it.\nEvery command knows \\fB\\-\\-help\\fR.\n.SH OPTIONS\n";
  for (const CLI::Option* option : app.get_options()) page += write_option(*option);
  page += ".SH COMMANDS\n";
  for (const CLI::App* one : app.get_subcommands([](const CLI::App* any) { return !any->get_group().empty(); })) {
    page += write_command(*one, "bamgate");
  }
  return page + std::string(kEnd);
}

}  // namespace bamgate::cli
