// First contact with a tree of many small JPEG files: images per second of the one pass that hashes, decodes and keeps them, against a loop
// that does nothing but read and decode the same files with libjpeg-turbo on as many threads; then what a second start takes.
//
//   first_contact IMAGE_FOLDER.so FOLDER [images=100000] [side=64] [threads=2] [rounds=3]
//
// FOLDER gets the tree (once) and the cache (anew). The files are in the page cache when either pass begins.
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/data/prepare.hpp>
#include <clb/data/samples.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

#include <jpeglib.h>

namespace {

namespace fs = std::filesystem;
using namespace clb;

constexpr int kClasses = 100;

struct Asked {
  std::string plugin;
  fs::path folder;
  int images = 100'000, side = 64, threads = 2, rounds = 3;
};

Asked asked(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: first_contact IMAGE_FOLDER.so FOLDER [images=100000] [side=64] [threads=2] [rounds=3]\n");
    std::exit(2);
  }
  Asked a{.plugin = argv[1], .folder = argv[2]};
  for (int i = 3; i < argc; ++i) {
    const std::string word = argv[i];
    const int value = std::atoi(word.substr(word.find('=') + 1).c_str());
    (word.starts_with("images=")   ? a.images
     : word.starts_with("side=")   ? a.side
     : word.starts_with("rounds=") ? a.rounds
                                   : a.threads) = value;
  }
  return a;
}

// Gradients and some noise: as many bytes a pixel as a photograph has.
std::string made_jpeg(int side, uint32_t seed) {
  std::vector<JSAMPLE> pixels(static_cast<size_t>(3 * side * side));
  const uint32_t slope = seed % 7 + 1;
  uint32_t noise = seed * 2654435761U + 1;
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < 3 * side; ++x) {
      noise = noise * 1664525 + 1013904223;
      pixels[static_cast<size_t>(y * 3 * side + x)] =
          static_cast<JSAMPLE>((slope * static_cast<uint32_t>(x + 2 * y) + (noise >> 27) + seed) % 256);
    }
  jpeg_compress_struct c{};
  jpeg_error_mgr errors{};
  c.err = jpeg_std_error(&errors);
  jpeg_create_compress(&c);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&c, &bytes, &size);
  c.image_width = c.image_height = static_cast<JDIMENSION>(side);
  c.input_components = 3;
  c.in_color_space = JCS_RGB;
  jpeg_set_defaults(&c);
  jpeg_set_quality(&c, 90, TRUE);
  jpeg_start_compress(&c, TRUE);
  for (int y = 0; y < side; ++y) {
    JSAMPROW row = pixels.data() + static_cast<ptrdiff_t>(y) * 3 * side;
    jpeg_write_scanlines(&c, &row, 1);
  }
  jpeg_finish_compress(&c);
  std::string file(reinterpret_cast<char*>(bytes), size);
  jpeg_destroy_compress(&c);
  std::free(bytes);
  return file;
}

// One image of six is tested.
std::vector<fs::path> made_tree(const Asked& a) {
  std::vector<fs::path> files;
  const fs::path root = a.folder / "tree";
  const bool there = fs::exists(root);
  for (int c = 0; c < kClasses; ++c)
    for (const char* split : {"train", "test"}) fs::create_directories(root / split / ("class_" + std::to_string(c)));
  for (int i = 0; i < a.images; ++i) {
    files.push_back(root / (i / kClasses % 6 == 0 ? "test" : "train") / ("class_" + std::to_string(i % kClasses)) /
                    (std::to_string(i) + ".jpg"));
    if (!there) std::ofstream(files.back(), std::ios::binary) << made_jpeg(a.side, static_cast<uint32_t>(i));
  }
  return files;
}

// Decodes one file after the other with the settings of harness/data, and makes nothing anew that can be used again.
class BareDecoder {
 public:
  BareDecoder() {
    d_.err = jpeg_std_error(&errors_);
    jpeg_create_decompress(&d_);
  }
  ~BareDecoder() { jpeg_destroy_decompress(&d_); }
  BareDecoder(const BareDecoder&) = delete;

  size_t decode(const std::string& file) {
    jpeg_mem_src(&d_, reinterpret_cast<const unsigned char*>(file.data()), file.size());
    jpeg_read_header(&d_, TRUE);
    d_.out_color_space = JCS_RGB;
    jpeg_start_decompress(&d_);
    pixels_.resize(size_t{3} * d_.output_width * d_.output_height);
    while (d_.output_scanline < d_.output_height) {
      JSAMPROW row = pixels_.data() + size_t{3} * d_.output_width * d_.output_scanline;
      jpeg_read_scanlines(&d_, &row, 1);
    }
    jpeg_finish_decompress(&d_);
    return pixels_.size();
  }

 private:
  jpeg_decompress_struct d_{};
  jpeg_error_mgr errors_{};
  std::vector<JSAMPLE> pixels_;
};

struct Cost {
  double wall = 0, processor = 0;  // seconds
};

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec); };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <class Work>
Cost cost_of(Work work) {
  const double processor = processor_seconds();
  const auto start = std::chrono::steady_clock::now();
  work();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), processor_seconds() - processor};
}

Cost bare(const std::vector<fs::path>& files, int threads) {
  std::atomic<size_t> next = 0, bytes = 0;
  return cost_of([&] {
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t)
      workers.emplace_back([&] {
        BareDecoder decoder;
        size_t mine = 0;
        for (size_t i; (i = next++) < files.size();) mine += decoder.decode(base::read_file(files[i]));
        bytes += mine;
      });
    for (std::thread& worker : workers) worker.join();
  });
}

int64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{1024} * usage.ru_maxrss;
}

// Of `n` images, beside the bare loop.
void print(const char* what, const Cost& cost, const Cost& loop, double n) {
  std::printf("%-16s %6.0f images/s, %5.1f us of processor an image; of the bare loop %.2f by the clock, %.2f by processor time\n", what,
              n / cost.wall, 1e6 * cost.processor / n, loop.wall / cost.wall, loop.processor / cost.processor);
}

}  // namespace

int main(int argc, char** argv) try {
  const Asked a = asked(argc, argv);
  const std::vector<fs::path> files = made_tree(a);
  const auto n = static_cast<double>(files.size());
  data::Preparation wanted{.file = a.plugin, .root = (a.folder / "tree").string(), .cache = a.folder / "cache"};
  const auto contact = [&](int64_t limit) {
    fs::remove_all(wanted.cache);
    wanted.store_limit = limit;
    return cost_of([&] { wanted.fingerprint = data::prepare(wanted).fingerprint; });
  };
  for (int round = 0; round < a.rounds; ++round) {
    const Cost loop = bare(files, a.threads), kept = contact(int64_t{4} << 30), index = contact(0);
    print("bare loop", loop, loop, n);
    print("decoded and kept", kept, loop, n);
    print("index alone", index, loop, n);
    wanted.fingerprint.clear();
  }
  contact(int64_t{4} << 30);
  base::DatasetSpec dataset;
  dataset.id = "image_folder";
  dataset.file = a.plugin;
  dataset.root = wanted.root;
  dataset.fingerprint = wanted.fingerprint;
  base::ExecutionSpec execution;
  execution.cache_dir = wanted.cache.string();
  const double again =
      cost_of([&] {
        data::Samples samples(dataset, execution, [](const std::string& text) { std::printf("warning: %s\n", text.c_str()); });
        samples.read(data::Split::kTrain, 0);
      }).wall;
  std::printf("second start: %.3f s; peak memory of all of it: %.0f MB\n", again, static_cast<double>(peak_bytes()) / 1e6);
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "first_contact: %s\n", e.what());
  return 1;
}
