// What the machine can do, measured in the run that is compared with it.

#include "qopt/test/support/qopt-kernel-bench/Bench.h"

#include <atomic>
#include <chrono>
#include <ctime>
#include <immintrin.h>
#include <thread>
#include <vector>

namespace qopt::bench {

/// The time that this thread has run, which stands still while others do.
static double ownSeconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

double timed(int threads, int64_t tasks,
             llvm::function_ref<void(int64_t, int)> work) {
  if (threads == 1) {
    double start = ownSeconds();
    for (int64_t task = 0; task < tasks; ++task)
      work(task, 0);
    return ownSeconds() - start;
  }
  using Clock = std::chrono::steady_clock;
  std::atomic<int64_t> next{0};
  std::atomic<int> ready{0}, done{0};
  auto all = [&](int thread) {
    ready.fetch_add(1);
    while (ready.load() < threads)
      _mm_pause();
    for (int64_t task; (task = next.fetch_add(1)) < tasks;)
      work(task, thread);
    done.fetch_add(1);
  };
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i)
    others.emplace_back(all, i);
  while (ready.load() < threads - 1)
    _mm_pause();
  auto start = Clock::now();
  all(0);
  while (done.load() < threads)
    _mm_pause();
  double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  for (std::thread &other : others)
    other.join();
  return seconds;
}

/// Four streams, as a kernel reads them.
__attribute__((target("avx2"))) static float sumOf(const float *x, size_t n) {
  __m256 sums[8] = {};
  size_t quarter = n / 4;
  for (size_t i = 0; i < quarter; i += 16)
    for (int s = 0; s < 4; ++s)
      for (int j = 0; j < 2; ++j)
        sums[s * 2 + j] = _mm256_add_ps(
            sums[s * 2 + j], _mm256_loadu_ps(x + s * quarter + i + j * 8));
  for (int i = 1; i < 8; ++i)
    sums[0] = _mm256_add_ps(sums[0], sums[i]);
  return _mm256_cvtss_f32(sums[0]);
}

double readBandwidth(int threads) {
  // 256 MB, of which each call reads the next 32.
  const size_t block = 64 << 10, count = (256 << 20) / block / 4;
  const size_t some = count / 8;
  static std::vector<float> data(block * count, 1.0f);
  static size_t first = 0;
  std::atomic<float> sink{0};
  double seconds = timed(threads, some, [&](int64_t task, int) {
    sink = sumOf(data.data() + (first + task) % count * block, block);
  });
  first += some;
  return some * block * 4 / seconds;
}

__attribute__((target("avx512f"))) static float wideMultiplyAdds(int64_t n) {
  __m512 sums[16], one = _mm512_set1_ps(1e-9f);
  for (__m512 &sum : sums)
    sum = one;
  for (int64_t i = 0; i < n; ++i)
    for (__m512 &sum : sums) {
      sum = _mm512_fmadd_ps(sum, one, one);
      asm volatile("" : "+v"(sum)); // all of them, in order
    }
  for (int i = 1; i < 16; ++i)
    sums[0] = _mm512_add_ps(sums[0], sums[i]);
  return _mm512_cvtss_f32(sums[0]);
}

__attribute__((target("avx2,fma"))) static float multiplyAdds(int64_t n) {
  __m256 sums[12], one = _mm256_set1_ps(1e-9f);
  for (__m256 &sum : sums)
    sum = one;
  for (int64_t i = 0; i < n; ++i)
    for (__m256 &sum : sums) {
      sum = _mm256_fmadd_ps(sum, one, one);
      asm volatile("" : "+x"(sum)); // all of them, in order
    }
  for (int i = 1; i < 12; ++i)
    sums[0] = _mm256_add_ps(sums[0], sums[i]);
  return _mm256_cvtss_f32(sums[0]);
}

double multiplyAddPeak(int threads, int vectorBytes) {
  const int64_t steps = 1 << 17;
  bool wide = vectorBytes == 64;
  double best = 1e9;
  std::atomic<float> sink{0};
  for (int round = 0; round < 2; ++round)
    best = std::min(best, timed(threads, threads, [&](int64_t, int) {
                      sink =
                          wide ? wideMultiplyAdds(steps) : multiplyAdds(steps);
                    }));
  return threads * steps * (wide ? 16 * 16 : 12 * 8) * 2.0 / best;
}

__attribute__((target("avx512f,avx512vnni"))) static int
wideByteProducts(int64_t n) {
  __m512i sums[16], one = _mm512_set1_epi8(1);
  for (__m512i &sum : sums)
    sum = one;
  for (int64_t i = 0; i < n; ++i)
    for (__m512i &sum : sums) {
      sum = _mm512_dpbusd_epi32(sum, one, one);
      asm volatile("" : "+v"(sum)); // all of them, in order
    }
  for (int i = 1; i < 16; ++i)
    sums[0] = _mm512_add_epi32(sums[0], sums[i]);
  return _mm512_reduce_add_epi32(sums[0]);
}

/// By int16 sums, as long as they hold: what AVX2 does best.
__attribute__((target("avx2"))) static int byteProducts(int64_t n) {
  __m256i sums[8], one = _mm256_set1_epi8(1);
  for (__m256i &sum : sums)
    sum = one;
  for (int64_t i = 0; i < n; ++i)
    for (__m256i &sum : sums) {
      __m256i x = one;
      asm volatile("" : "+x"(x)); // a product each time
      sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(x, one));
      asm volatile("" : "+x"(sum));
    }
  for (int i = 1; i < 8; ++i)
    sums[0] = _mm256_add_epi32(sums[0], sums[i]);
  return _mm256_extract_epi32(sums[0], 0);
}

double bytePeak(int threads, const Target &target) {
  const int64_t steps = 1 << 17;
  bool wide = target.has(feature::avx512Vnni);
  double best = 1e9;
  std::atomic<int> sink{0};
  for (int round = 0; round < 2; ++round)
    best = std::min(best, timed(threads, threads, [&](int64_t, int) {
                      sink =
                          wide ? wideByteProducts(steps) : byteProducts(steps);
                    }));
  return threads * steps * (wide ? 16 * 64 : 8 * 32) * 2.0 / best;
}

} // namespace qopt::bench
