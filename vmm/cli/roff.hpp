// Text in the man(7) language.
#pragma once

#include <string>
#include <string_view>

namespace nestbed::vmm::roff {

/// Any UTF-8 text as it is: nothing in it is a request, an escape, or a typographer's hyphen or
/// quotation mark.
std::string escaped(std::string_view text);

std::string bold(std::string_view text);
std::string italic(std::string_view text);

/// Escaped text that fills lines, ended by a line end.
std::string filled(std::string_view escaped_text);

std::string upper_case(std::string_view text);

/// A heading's own line: ".SH" and the like.
std::string heading(std::string_view request, std::string_view text);

/// What --help has below the options: paragraphs, blocks headed "Examples:", and in both of them
/// indented lines "  TERM  what it means", which become lists.
struct HelpText {
    std::string introduction;  ///< up to the first heading
    std::string sections;
};
HelpText help_text(std::string_view help);

}  // namespace nestbed::vmm::roff
