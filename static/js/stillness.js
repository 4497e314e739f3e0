// Notices a picture that has stood still for long. Browsers give no event when a stream inside an <img> ends or is cut.

const WIDTH_PX = 32;
const HEIGHT_PX = 18;
const LOOKS_FIRST = 3;
const LOOKS_MOST = 48;

export class Stillness {
  constructor() {
    const canvas = document.createElement("canvas");
    canvas.width = WIDTH_PX;
    canvas.height = HEIGHT_PX;
    this.pen = canvas.getContext("2d", { willReadFrequently: true });
    this.patience = LOOKS_FIRST;
    this.forget();
  }

  /** Start counting anew, for another stream has been opened. */
  forget() {
    this.before = null;
    this.same = 0;
  }

  /** Look at the picture; true when it has not changed for so many looks that the stream is worth opening anew. */
  look(img) {
    this.pen.drawImage(img, 0, 0, WIDTH_PX, HEIGHT_PX);
    const now = this.pen.getImageData(0, 0, WIDTH_PX, HEIGHT_PX).data;
    const isSame = this.before !== null && now.every((value, index) => value === this.before[index]);
    this.before = now;
    this.same = isSame ? this.same + 1 : 0;
    if (!isSame) this.patience = LOOKS_FIRST;
    if (this.same < this.patience) return false;
    // A scene may really be still: ask less and less often.
    this.patience = Math.min(this.patience * 2, LOOKS_MOST);
    this.same = 0;
    return true;
  }
}
