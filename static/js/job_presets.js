// Ready-made settings of a new job, by kind. What a preset does not name stays as the kind has it.
export const JOB_PRESETS = {
  showcase: [
    { name: "Listing film", words: "16:9, 1080p, 60 s, for a portal or a big screen", values: { shapes: ["16:9"], short_side_px: 1080, target_s: 60 } },
    { name: "Reels", words: "9:16, 1080 px wide, 30 s of short shots, for a phone", values: { shapes: ["9:16"], short_side_px: 1080, target_s: 30, shot_s: 2 } },
    { name: "Every shape", words: "16:9, 9:16 and 1:1 of the same 45 s", values: { shapes: ["16:9", "9:16", "1:1"] } },
  ],
  annotation: [
    { name: "1 fps, 720p", words: "A picture a second, clips of 15 s", values: { width_px: 1280, height_px: 720, fps: 1, clip_s: 15 } },
    { name: "Dense, 1080p", words: "5 pictures a second, with CVAT and tracking files", values: { width_px: 1920, height_px: 1080, fps: 5, also: ["manifest", "cvat", "tracking"] } },
    { name: "Small", words: "640×360, a picture every 2 s, for a first look", values: { width_px: 640, height_px: 360, fps: 0.5 } },
  ],
  analyze: [
    { name: "People and things", words: "Found and followed, with a film that shows it", values: { look_for: ["object_detection", "multi_object_tracking"], annotated: true } },
    { name: "Numbers only", words: "JSON and CSV, no film: faster", values: { look_for: ["object_detection", "multi_object_tracking"], annotated: false } },
    { name: "Movement", words: "Where and when something moves", values: { look_for: ["motion_detection"], annotated: true } },
  ],
  transcode: [
    { name: "For the web", words: "480p to 1080p for players that adapt, and an MP4", values: { rungs: ["480p", "720p", "1080p"], mp4: true } },
    { name: "Small", words: "480p only, and an MP4 of it", values: { rungs: ["480p"], mp4: true } },
  ],
};
