#include "vmm/page/html_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "vmm/analysis/comparison_json.hpp"
#include "vmm/base/json_text.hpp"
#include "vmm/page/page_files.hpp"
#include "vmm/render/result_file.hpp"

namespace nestbed::vmm {

namespace {

using Json = nlohmann::ordered_json;

/// From which change on a difference matters: what nestbed compare takes by default.
constexpr double least_difference = 0.05;

void replace_all(std::string& text, std::string_view what, std::string_view by) {
    std::string result;
    std::size_t begin = 0;
    for (std::size_t at = 0; (at = text.find(what, begin)) != std::string::npos;) {
        result.append(text, begin, at - begin).append(by);
        begin = at + what.size();
    }
    text = result.append(text, begin);
}

/// JSON in a script element. Any text may be in it, a guest's too, and "</script>" would end the
/// element: without "<" nothing does.
std::string data_element(std::string_view kind, const Json& json) {
    std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
    replace_all(text, "<", "\\u003c");
    return fmt::format("<script type=\"application/json\" class=\"{}\">{}</script>\n", kind, text);
}

/// `next`: which of the results it is, the base being the first.
Json json_of(const Comparison& comparison, std::size_t next) {
    Json json = comparison_json(comparison);
    json["next"] = next;
    json["least"] = least_difference;
    return json;
}

/// A result is called as its file is; by the whole path if two files are called alike.
std::string name_in(const std::vector<ResultFile>& results, std::size_t which,
                    const ReportSource& source) {
    const std::string& name = results[which].environment;
    return std::ranges::count(results, name, &ResultFile::environment) == 1 ? name : source.path;
}

std::string data_of(const std::vector<ReportSource>& sources) {
    std::vector<ResultFile> results;
    results.reserve(sources.size());
    for (const ReportSource& source : sources) {
        results.push_back(result_file_from(source.text, source.path));
    }
    std::string data;
    for (std::size_t n = 0; n < results.size(); ++n) {
        data += data_element("result", {{"name", name_in(results, n, sources[n])},
                                        {"report", parse_json(sources[n].text)}});
    }
    for (std::size_t n = 1; n < results.size(); ++n) {
        data += data_element("comparison",
                             json_of(compare(results[0], results[n], least_difference), n));
    }
    return data;
}

std::string html_text(std::string_view plain) {
    std::string text(plain);
    replace_all(text, "&", "&amp;");
    replace_all(text, "<", "&lt;");
    return text;
}

/// What stands for each "@word@" of page.html.
struct PageParts {
    std::string style, scripts, licenses;
    std::string style_hashes, script_hashes;
};

/// Whatever a text might smuggle in: the browser runs no script but those whose hashes are named.
PageParts parts_of(std::span<const PageFile> files) {
    PageParts parts;
    for (const auto& [name, text, hash] : files) {
        if (name.ends_with(".js")) {
            parts.scripts += fmt::format("<script>{}</script>\n", text);
            parts.script_hashes += fmt::format(" 'sha256-{}'", hash);
        } else if (name.ends_with(".css")) {
            parts.style += fmt::format("<style>{}</style>\n", text);
            parts.style_hashes += fmt::format(" 'sha256-{}'", hash);
        } else if (!name.ends_with(".html")) {
            parts.licenses += fmt::format("<pre>{}</pre>\n", html_text(text));
        }
    }
    return parts;
}

}  // namespace

std::string html_report(const std::vector<ReportSource>& sources) {
    const std::span<const PageFile> files = page_files();
    const PageParts parts = parts_of(files);
    std::string page(std::ranges::find(files, "page.html", &PageFile::name)->text);
    replace_all(page, "@style_hashes@", parts.style_hashes);
    replace_all(page, "@script_hashes@", parts.script_hashes);
    replace_all(page, "@style@", parts.style);
    replace_all(page, "@licenses@", parts.licenses);
    // Results may hold any text: they come last, so that nothing in them is replaced.
    const std::size_t end = page.find("@results@");
    return page.substr(0, end) + data_of(sources) + parts.scripts +
           page.substr(end + std::string_view("@results@").size());
}

}  // namespace nestbed::vmm
