#include "named_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/nearest.hpp>
#include <clb/base/paths.hpp>
#include <clb/base/safetensors.hpp>
#include <clb/known_data/search.hpp>
#include <clb/weights/search.hpp>

#include "installation.hpp"
#include "progress_line.hpp"
#include "say.hpp"

namespace clb::cli {

namespace fs = std::filesystem;

namespace {

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

NamedFile file_of(const known_data::File& file) {
  NamedFile named{{file.to, {file.urls, file.size, {file.digest_kind, file.digest}}, file.unpack}, file.by_hand, file.splits};
  named.item.source.digest_from = file.place.text();
  return named;
}

// Of the folders the first that has it already, so that what was begun is gone on with; else the first.
fs::path data_target(const known_data::Known& known, const Options& options, const std::vector<fs::path>& folders) {
  if (options.flag("root")) return fs::absolute(options.text("root")) / known.name;
  for (const fs::path& folder : folders)
    if (is_there(folder / known.name)) return folder / known.name;
  return folders.empty() ? fs::path() : folders.front() / known.name;
}

NamedFiles of_data(const known_data::Known& known, const Options& options) {
  const std::vector<fs::path> folders = data_folders(options);
  NamedFiles files{"data", known.name, known.title, known.licence, known.homepage, known.get, {}, "", {}, {}, known, ""};
  for (const known_data::File& file : known.files) files.files.push_back(file_of(file));
  files.looked_in = known_data::looked_in(known, folders);
  files.folder = data_target(known, options, folders);
  files.place = known_data::find_folder(known, folders);
  if (options.flag("root")) files.place = known_data::holds_data(files.folder) ? std::optional(files.folder) : std::nullopt;
  return files;
}

std::string listed(const std::vector<fs::path>& folders) {
  std::string text;
  for (const fs::path& folder : folders) text += (text.empty() ? "in none of " : ", ") + folder.string();
  return text;
}

NamedFiles of_weights(const weights::Known& known, const Options& options) {
  NamedFiles files{"weights", known.name, known.pretraining, known.licence, known.source, known.get, {}, "", {}, {}, {}, known.sha256};
  NamedFile file{{known.file, {known.urls, known.size, {known.sha256.empty() ? "" : "sha256", known.sha256}}, {}}, "", {}};
  file.item.source.digest_from = known.place.text();
  if (known.urls.empty()) file.by_hand = known.get.empty() ? "nobody has written down how: see " + known.source : known.get;
  files.files.push_back(file);
  std::vector<fs::path> folders = weights_folders(options);
  files.place = weights::find_file(known, folders);
  if (!known.folder.empty()) folders.push_back(known.folder);
  files.looked_in = listed(folders);
  const std::vector<fs::path> own = weights::user_folders(options.texts("weights-path"));
  if (options.flag("root"))
    files.folder = fs::absolute(options.text("root"));
  else if (files.place)
    files.folder = files.place->parent_path();
  else if (!own.empty())
    files.folder = own.front();
  if (options.flag("root")) files.place = is_there(files.folder / known.file) ? std::optional(files.folder / known.file) : std::nullopt;
  return files;
}

// A file that is something else would be found out by the first run.
void check_weights(const fs::path& file) {
  const base::MappedFile mapped(file);
  base::parse_safetensors(mapped.bytes(), file.string());
}

fetch::Options fetch_options(const std::string& subject) {
  fetch::Options options;
  options.progress = bytes_progress(subject);
  options.note = [](const std::string& sentence) { say(stderr, "{}\n", sentence); };
  return options;
}

}  // namespace

std::vector<NamedFile> fetch_files(const NamedFiles& files, const std::vector<NamedFile>& wanted) {
  std::vector<NamedFile> by_hand;
  for (const NamedFile& file : wanted) {
    fetch::Folder folder(files.folder, fetch_options(file.item.to));
    if (!folder.get(file.item)) by_hand.push_back(file);
    if (files.kind == "weights" && file.by_hand.empty()) check_weights(files.folder / file.item.to);
  }
  return by_hand;
}

bool NamedFiles::can_be_fetched() const {
  return std::any_of(files.begin(), files.end(), [](const NamedFile& file) { return file.by_hand.empty(); });
}

uint64_t NamedFiles::size() const {
  uint64_t sum = 0;
  for (const NamedFile& file : files) {
    if (file.by_hand.empty() && file.item.source.size == 0) return 0;
    if (file.by_hand.empty()) sum += file.item.source.size;
  }
  return sum;
}

std::string NamedFiles::state() const {
  if (!place) return data && data->root.empty() && data->files.empty() ? "where its plugin looks" : "absent";
  if (!data || *place != folder || !is_there(folder / fetch::kOwnFolder)) return "there";
  const auto complete = [&](const NamedFile& file) {
    return !file.splits.empty() || fetch::state_of(folder, file.item) == fetch::State::kComplete;
  };
  return std::all_of(files.begin(), files.end(), complete) ? "there" : "in part";
}

void add_places(Options& options) {
  options.add()("root", po::value<std::string>()->value_name("DIR"),
                "fetch into DIR/NAME (weights: into DIR); default: the first place where NAME is looked for");
  options.add_data_path();
  options.add_weights_path();
}

std::vector<NamedFiles> all_named(const Options& options) {
  std::vector<NamedFiles> all;
  for (const std::string& name : known_data::known_names(base::share())) {
    std::optional<known_data::Known> known;
    try {
      known = known_data::find_known(base::share(), name);
    } catch (const base::Error&) {
    }
    if (known) all.push_back(of_data(*known, options));
  }
  for (const weights::Known& known : weights::read_all_known(weights_folders(options))) all.push_back(of_weights(known, options));
  return all;
}

NamedFiles named(const std::string& name, const Options& options) {
  if (const auto known = known_data::find_known(base::share(), name)) return of_data(*known, options);
  const std::vector<fs::path> folders = weights_folders(options);
  if (const auto known = weights::find_known(name, folders)) return of_weights(*known, options);
  std::vector<std::string> names = known_data::known_names(base::share());
  for (const std::string& other : weights::known_names(folders)) names.push_back(other);
  const std::string near = base::nearest(name, names);
  throw base::Error(fmt::format("data: no data set and no weights are called '{}'; {}", name,
                                near.empty() ? "`clbench data list` shows the names" : fmt::format("did you mean '{}'?", near)));
}

}  // namespace clb::cli
